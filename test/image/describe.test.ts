import { fileURLToPath } from "node:url";
import t from "tap";
import { templateRenderer } from "../../src/api/session/render-template.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { projectSchema } from "../../src/config/project-schema.js";
import { describeImage, type ImageDescription } from "../../src/image/describe.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const catalog = await loadCatalog(home, undefined);
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me";
const release = { name: "reader", version: "1.2.3", like: "debian", codename: "trixie", epoch: 1_790_000_000 };

/** The description of a board's image with some settings of a project. */
function describe(name: string, settings: object, more: { seed?: string; gpt?: boolean } = {}): ImageDescription {
  const board = catalog.boards.get(name);
  if (board === undefined) throw new Error(`there is no board ${name}`);
  const project = projectSchema.parse({ format: 1, name: "reader", app: { entry: "app/main.ts" }, ...settings });
  const render = templateRenderer(home);
  const disk = { ...board.disk, table: more.gpt === true ? "gpt" : board.disk.table } as const;
  return describeImage({ project, board: { ...board, disk }, catalog, render, seed: more.seed ?? "one", release });
}

function textOf({ rootfs }: ImageDescription, path: string): string | undefined {
  const entry = rootfs.find((one) => one.path === path);
  return entry?.type === "file" && entry.source.from === "text" ? entry.source.text : undefined;
}

t.test("a board with ssh and network settings: they are features, and files of the root", async (t) => {
  const image = describe("rpi4", {
    app: { entry: "app/main.ts", env: { LEVEL: 3 } },
    system: {
      hostname: "reader-1",
      timezone: "Europe/Berlin",
      ssh: { authorizedKeys: [key] },
      network: { address: "192.168.1.20/24", gateway: "192.168.1.1", dns: ["9.9.9.9"] },
      debug: true,
    },
    image: { filesystem: "ext4", bootSize: "96MiB", dataSize: "8MiB" },
  });
  t.equal(image.identity.hostname, "reader-1");
  t.same(image.features, {
    ssh: { server: true, authorizedKeys: `${key}\n` },
    network: {
      mode: "static",
      interface: "",
      address: "192.168.1.20/24",
      gateway: "192.168.1.1",
      dns: ["9.9.9.9"],
    },
    timezone: "Europe/Berlin",
    watchdog: catalog.boards.get("rpi4")?.watchdog,
    debug: true,
    kernels: false,
    env: { LEVEL: "3" },
  });
  t.same(image.layout, {
    table: "mbr",
    raw: [],
    boot: { name: "boot", start: 4 * 2 ** 20, size: 96 * 2 ** 20 },
    root: { filesystem: "ext4" },
    data: { size: 8 * 2 ** 20 },
  });
  t.equal(textOf(image, "etc/hostname"), "reader-1\n");
  t.equal(textOf(image, "etc/edgeimg/authorized_keys"), `${key}\n`);
  t.match(textOf(image, "etc/edgeimg/network.env"), /MODE='static'[\s\S]*ADDRESS='192\.168\.1\.20\/24'/);
  t.match(textOf(image, "etc/edgeimg/app.env"), /^LEVEL=3$/m);
  t.match(textOf(image, "etc/inittab"), /usr\/lib\/edgeimg\/ssh/);
  t.match(image.cmdline, / rootfstype=ext4 ro .*edgeimg\.debug/);
  t.ok(image.modules.initramfs.includes("ext4"));
});

t.test("a board without them: the project's name, DHCP, an ssh server without a key; ssh may be off", async (t) => {
  const image = describe("qemu-a53", {});
  t.equal(image.identity.hostname, "reader");
  t.match(image.features, {
    ssh: { server: true, authorizedKeys: undefined },
    network: { mode: "dhcp" },
    timezone: "UTC",
  });
  t.equal(
    image.layout.boot.size,
    catalog.boards.get("qemu-a53")?.boot.size,
    "the board's, where the project says none",
  );
  t.equal(textOf(image, "etc/edgeimg/authorized_keys"), undefined);
  t.match(textOf(image, "etc/edgeimg/network.env"), /MODE='dhcp'/);
  t.match(image.cmdline, / rootfstype=squashfs ro .*quiet/);

  const closed = describe("qemu-a53", { system: { ssh: { server: false } } });
  t.notOk(closed.rootfs.some(({ path }) => catalog.init.ssh.programs.includes(path)));
  t.notMatch(textOf(closed, "etc/inittab"), /usr\/lib\/edgeimg\/ssh/);
});

t.test("the identity follows from the seed alone, and everything that names the root agrees with it", async (t) => {
  const one = describe("rpi4", {});
  t.same(describe("rpi4", {}), one, "the same value for the same request");
  t.same(describe("qemu-a53", { image: { filesystem: "erofs" } }).identity, one.identity);
  const other = describe("rpi4", {}, { seed: "two" });
  t.not(other.identity.signature, one.identity.signature);
  const all = [...Object.values(one.identity.uuids), ...Object.values(other.identity.uuids)];
  t.equal(new Set(all).size, all.length, "no UUID occurs twice");
  t.match(one.identity.signature, /^[0-9a-f]{8}$/);
  t.ok(one.cmdline.includes(` root=PARTUUID=${one.identity.signature}-02 `));
  const gpt = describe("rpi4", {}, { gpt: true });
  t.ok(gpt.cmdline.includes(` root=PARTUUID=${one.identity.uuids.root} `));
  const line = gpt.boot.find(({ name }) => name === "cmdline.txt")?.source;
  t.match(line, { from: "text", text: `${gpt.cmdline}\n` }, "the boot partition says the same");
});
