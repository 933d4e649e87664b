import t from "tap";
import { loadOrder, moduleIndex, moduleName } from "../../src/formats/kernel-modules.js";

/** Lines that depmod (kmod 34) wrote for Debian's linux-image-6.12-arm64. */
const index = moduleIndex({
  "modules.dep": `kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/lib/crc16.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
kernel/drivers/net/mdio/mdio-bcm-unimac.ko.xz: kernel/drivers/net/phy/libphy.ko.xz
kernel/drivers/net/phy/libphy.ko.xz:
kernel/drivers/net/phy/fixed_phy.ko.xz: kernel/drivers/net/phy/libphy.ko.xz
kernel/drivers/net/mdio/fwnode_mdio.ko.xz: kernel/drivers/net/phy/libphy.ko.xz
kernel/drivers/net/mdio/of_mdio.ko.xz: kernel/drivers/net/phy/fixed_phy.ko.xz kernel/drivers/net/mdio/fwnode_mdio.ko.xz kernel/drivers/net/phy/libphy.ko.xz
kernel/drivers/net/ethernet/broadcom/genet/genet.ko.xz: kernel/drivers/net/mdio/of_mdio.ko.xz kernel/drivers/net/phy/fixed_phy.ko.xz kernel/drivers/net/mdio/fwnode_mdio.ko.xz kernel/drivers/net/phy/libphy.ko.xz
`,
  "modules.softdep": `# Soft dependencies extracted from modules themselves.
softdep ext4 pre: crypto-crc32c
softdep jbd2 pre: crypto-crc32c
softdep ipmi_msghandler post: ipmi_devintf
softdep genet pre: mdio-bcm-unimac
`,
  "modules.alias": `# Aliases extracted from modules themselves.
alias crypto-crc32c-generic crc32c_generic
alias crypto-crc32c crc32c_generic
alias of:N*T*Cbrcm,bcm2711-genet-v5C* genet
`,
  "modules.builtin": "kernel/lib/crc32.ko\nkernel/drivers/thermal/tegra/tegra-soctherm.ko\n",
});

t.test(
  "each module comes after those that it needs, and after those that it asks for by a soft dependency",
  async (t) => {
    t.same(loadOrder(index, ["ext4"]), {
      order: ["crc32c_generic", "jbd2", "mbcache", "crc16", "ext4"],
      unknown: [],
      missing: [],
    });
    const { order } = loadOrder(index, ["genet"]);
    t.equal(order.at(-1), "genet");
    t.equal(order[0], "libphy");
    t.ok(order.includes("mdio_bcm_unimac"), "no symbol of it is used");
    t.ok(order.indexOf("fixed_phy") < order.indexOf("of_mdio"));
  },
);

t.test("what is loaded already is left out, and what is wanted keeps its order", async (t) => {
  const { order: loaded } = loadOrder(index, ["of-mdio"]);
  t.same(loadOrder(index, ["mdio_bcm_unimac", "genet"], loaded).order, ["mdio_bcm_unimac", "genet"]);
  t.same(loadOrder(index, ["crc16", "mbcache", "crc16"]).order, ["crc16", "mbcache"]);
});

t.test("drivers within the kernel need no module; names with - and _ are the same; others are told", async (t) => {
  t.same(loadOrder(index, ["tegra_soctherm", "tegra-soctherm", "genett"]), {
    order: [],
    unknown: ["genett"],
    missing: [],
  });
  t.equal(moduleName("kernel/drivers/net/virtio-net.ko.xz"), "virtio_net");
});

t.test("a needed module that the package does not have is told, with what needs it", async (t) => {
  const { fixed_phy: _, ...modules } = index.modules;
  t.match(loadOrder({ ...index, modules }, ["genet"]).missing, [{ name: "fixed_phy", neededBy: "genet" }]);
});
