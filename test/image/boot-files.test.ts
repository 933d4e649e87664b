import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import t from "tap";
import { board as boardSchema } from "../../src/catalog/board.js";
import { builderLacks } from "../../src/catalog/builders.js";
import { loadWifi, readEntry } from "../../src/catalog/catalog.js";
import { initRecipe } from "../../src/catalog/init.js";
import { bootEntries } from "../../src/device/boot-config.js";
import { type CpioEntry, writeCpio } from "../../src/formats/cpio.js";
import { loadOrder } from "../../src/formats/kernel-modules.js";
import { bootFiles, cmdline, initramfsEntries } from "../../src/image/boot-files.js";
import type { Features } from "../../src/image/features.js";
import type { RootFilesystem } from "../../src/image/layout.js";
import { moduleLists } from "../../src/image/modules.js";
import { rootfsEntries } from "../../src/image/rootfs-files.js";
import { readKernelModules } from "../../src/steps/kernel-modules.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const init = await readEntry(initRecipe, `${home}recipes/init/recipe.yaml`);
const boards = await Promise.all(
  readdirSync(`${home}board-configs`).map((file) => readEntry(boardSchema, `${home}board-configs/${file}`)),
);
/** Of Debian's linux-image-6.12-arm64, by the step `kernel/modules`: those that boards name, and what they need. */
const kernel = readKernelModules(`${home}test/fixtures/kernel`);
const wifi = await loadWifi(home);
const rpi4 = await readEntry(boardSchema, `${home}board-configs/rpi4.yaml`);

const handlebars = Handlebars.create();
handlebars.registerHelper("join", (values: readonly string[], separator: string) => values.join(separator));
const render = (template: string, context: object): string =>
  handlebars.compile(readFileSync(`${home}templates/${template}`, "utf8"), { strict: true })(context);

const uuids = { disk: "d", boot: "b", root: "5ca1ab1e-0000-4000-8000-000000000000", data: "a" };
const options = {
  identity: { signature: "0000beef", uuids },
  layout: { table: "mbr", root: { filesystem: "squashfs" } },
  debug: false,
} as const;

t.test("the command line names the root by signature and number, in a GPT by its own UUID", async (t) => {
  t.equal(
    cmdline(rpi4, options),
    "console=ttyS1,115200 root=PARTUUID=0000beef-02 rootfstype=squashfs ro panic=10 quiet cryptomgr.notests",
  );
  t.equal(
    cmdline(rpi4, { ...options, layout: { table: "gpt", root: { filesystem: "ext4" } }, debug: true }),
    `console=ttyS1,115200 root=PARTUUID=${uuids.root} rootfstype=ext4 ro panic=10 edgeimg.debug cryptomgr.notests`,
  );
});

const filesOf = (board: typeof rpi4) => bootFiles(board, { cmdline: cmdline(board, options), render });

t.test("the boot partition of the Raspberry Pi 4", async (t) => {
  const files = filesOf(rpi4);
  t.same(
    files.map(({ name, source }) => [name, source.from]),
    [
      ["bcm2711-rpi-4-b.dtb", "dtb"],
      ["bcm2711-rpi-400.dtb", "dtb"],
      ["bcm2711-rpi-cm4-io.dtb", "dtb"],
      ["cmdline.txt", "text"],
      ["config.txt", "text"],
      ["fixup4cd.dat", "package"],
      ["initramfs.gz", "initramfs"],
      ["kernel8.img", "kernel"],
      ["start4cd.elf", "package"],
    ],
  );
  const config = files.find(({ name }) => name === "config.txt")?.source;
  if (config?.from !== "text") return t.fail("config.txt is rendered");
  t.equal(
    config.text,
    `# Read by the Raspberry Pi's firmware. Made by edgeimg for Raspberry Pi 4 Model B, Pi 400, Compute Module 4: changes here are lost with the next image.
[all]
kernel=kernel8.img
initramfs initramfs.gz followkernel
arm_64bit=1
arm_boost=1
enable_uart=1
upstream_kernel=1
gpu_mem=16
boot_delay=0
disable_splash=1

[pi4]
device_tree=bcm2711-rpi-4-b.dtb

[pi400]
device_tree=bcm2711-rpi-400.dtb

[cm4]
device_tree=bcm2711-rpi-cm4-io.dtb

[all]
`,
  );
});

for (const board of boards) {
  t.test(`${board.name}: what its boot files name is there`, async (t) => {
    const names = new Set(filesOf(board).map(({ name }) => name));
    for (const { dtb } of board.boot.models) t.ok(names.has(dtb), dtb);
    if (board.qemu.dtb !== undefined) t.ok(names.has(board.qemu.dtb), board.qemu.dtb);
    const files = filesOf(board);
    const text = (name: string): string => {
      const source = files.find((file) => file.name === name)?.source;
      return source?.from === "text" ? source.text : "";
    };
    const entries = bootEntries(board, text);
    const [first] = entries;
    t.same(
      entries.map(({ dtb }) => dtb),
      board.boot.models.length === 0 ? [undefined] : board.boot.models.map(({ dtb }) => dtb),
      "each device tree has an entry, in the order of the board's file",
    );
    t.match(first, { kernel: board.boot.kernel.name, initrd: board.boot.initramfs, cmdline: cmdline(board, options) });
  });
  for (const filesystem of ["squashfs", "erofs", "ext4"] satisfies RootFilesystem[]) {
    t.test(`${board.name}: modules with ${filesystem}`, async (t) => {
      const modules = moduleLists(board, init, { filesystem, more: board.wifi?.modules ?? [] });
      const { initramfs: early, rootfs: late } = modules;
      t.equal(new Set([...early, ...late]).size, early.length + late.length, "each once");
      t.equal(early.at(-1), "ext4", "for the data partition");
      t.ok(early.includes(filesystem));
      if (builderLacks(board, "debian") !== undefined) return;
      const first = loadOrder(kernel, early);
      const then = loadOrder(kernel, late, first.order);
      t.same([...first.unknown, ...then.unknown], [], "the kernel has them all");
      t.same([...first.missing, ...then.missing], [], "and all that they need");
      const loaded = new Set<string>();
      for (const name of [...first.order, ...then.order]) {
        for (const needed of kernel.modules[name]?.needs ?? []) t.ok(loaded.has(needed), `${needed} before ${name}`);
        loaded.add(name);
      }
      // Throws for a path whose folder is missing, or that occurs twice.
      writeCpio(
        initramfsEntries(init, modules).flatMap((entry): CpioEntry[] => {
          if (entry.type === "modules") return [];
          return [entry.type === "file" ? { ...entry, data: new Uint8Array() } : entry];
        }),
      );
    });
  }
}

const overlay = new Map([
  ["etc/passwd", false],
  ["etc/shadow", false],
  ["usr/lib/edgeimg/boot", true],
]);
const features: Features = {
  ssh: { server: true, authorizedKeys: undefined },
  network: { mode: "static", interface: "", address: "10.0.0.2/24", gateway: "10.0.0.1", dns: ["1.1.1.1", "9.9.9.9"] },
  wifi: undefined,
  timezone: "Europe/Berlin",
  watchdog: rpi4.watchdog,
  debug: false,
  kernels: false,
  env: { NAME: "a $b 'c'" },
};
const release = { name: "x", version: "1", like: "debian", codename: "trixie", epoch: 1_790_000_000 };

function rootfs({ debug = false, ssh = true, keys = [] }: { debug?: boolean; ssh?: boolean; keys?: string[] }) {
  const authorizedKeys = keys.length === 0 ? undefined : keys.map((key) => `${key}\n`).join("");
  return rootfsEntries(init, {
    board: rpi4,
    hostname: "edge",
    features: { ...features, debug, ssh: { server: ssh, authorizedKeys } },
    release,
    modules: moduleLists(rpi4, init, { filesystem: "squashfs", more: [] }),
    overlay,
    wifi,
    render,
  });
}

function text(entries: ReturnType<typeof rootfs>, path: string): string {
  const entry = entries.find((candidate) => candidate.path === path);
  return entry?.type === "file" && entry.source.from === "text" ? entry.source.text : "";
}

t.test("the root file system: each path once, its folder too", async (t) => {
  const entries = rootfs({ keys: ["ssh-ed25519 AAAA me"] });
  // Modules lie in a folder that is there already.
  const paths = entries.filter(({ type }) => type !== "modules").map(({ path }) => path);
  t.equal(new Set(paths).size, paths.length);
  const links = new Set(entries.filter(({ type }) => type === "symlink").map(({ path }) => path));
  for (const path of paths)
    t.notOk(
      path.split("/").some((_, index, parts) => index > 0 && links.has(parts.slice(0, index).join("/"))),
      path,
    );
  t.match(
    entries.find(({ path }) => path === "etc/shadow"),
    { mode: 0o600 },
  );
  t.match(
    entries.find(({ path }) => path === "usr/lib/edgeimg/boot"),
    { mode: 0o755 },
  );
  t.match(
    entries.find(({ path }) => path === "tmp"),
    { mode: 0o1777 },
  );
  t.match(
    entries.find(({ path }) => path === "etc/localtime"),
    { source: { from: "package", path: "usr/share/zoneinfo/Europe/Berlin" } },
  );
});

t.test("the ssh server may be left out, keys are there when given, a shell only with debug", async (t) => {
  t.ok(
    rootfs({}).some(({ path }) => path === "usr/sbin/dropbear"),
    "a card may bring a key",
  );
  t.notOk(rootfs({}).some(({ path }) => path === "etc/edgeimg/authorized_keys"));
  const plain = rootfs({ ssh: false });
  t.notOk(plain.some(({ path }) => /dropbear|authorized_keys/.test(path)));
  t.notMatch(text(plain, "etc/inittab"), /ssh|cttyhack/);
  const open = rootfs({ debug: true, keys: ["ssh-ed25519 AAAA me"] });
  t.ok(open.some(({ path }) => path === "usr/sbin/dropbear"));
  t.equal(text(open, "etc/edgeimg/authorized_keys"), "ssh-ed25519 AAAA me\n");
  t.match(text(open, "etc/inittab"), /^::respawn:\/usr\/lib\/edgeimg\/ssh$/m);
  t.match(text(open, "etc/inittab"), /^::respawn:\/usr\/bin\/cttyhack/m);
});

t.test("rendered files", async (t) => {
  const entries = rootfs({});
  t.equal(
    text(entries, "etc/edgeimg/network.env"),
    "MODE='static'\nINTERFACE=''\nADDRESS='10.0.0.2/24'\nGATEWAY='10.0.0.1'\nDNS='1.1.1.1 9.9.9.9'\n",
  );
  t.equal(
    text(entries, "etc/edgeimg/image.env"),
    "BOARD='rpi4'\nHOSTNAME='edge'\nEPOCH='1790000000'\nWATCHDOG='15'\nAPP_USER='app'\nAPP_GROUP='app'\n",
  );
  t.equal(text(entries, "etc/edgeimg/app.env"), "NAME=a $b 'c'\n");
  const modules = entries.flatMap((entry) => (entry.type === "modules" ? [[entry.list, entry.wanted[0]]] : []));
  t.same(modules, [
    ["etc/edgeimg/modules", "bcm2835_wdt"],
    // For the settings of one card, which other starts do not load.
    ["etc/edgeimg/modules.boot", "nls_cp437"],
  ]);
});

t.test("no account of the overlay has a password", async (t) => {
  const shadow = readFileSync(`${home}recipes/init/rootfs/etc/shadow`, "utf8").trim().split("\n");
  const accounts = readFileSync(`${home}recipes/init/rootfs/etc/passwd`, "utf8").trim().split("\n");
  t.same(
    shadow.map((line) => line.split(":").slice(0, 2)),
    accounts.map((line) => [line.split(":")[0], "*"]),
  );
  t.ok(accounts.every((line) => line.split(":")[1] === "x"));
});
