import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { lockPackages } from "../../src/api/session/lock-packages.js";
import { prepare } from "../../src/api/session/prepare.js";
import { userRegistries } from "../../src/api/session/registries.js";
import type { Context } from "../../src/api/types.js";
import { execute } from "../../src/execute/execute.js";
import { emptyLock } from "../../src/lock/lock-file.js";
import { fetchSet, hostWrap, toolsRoot } from "../../src/parts/roots.js";
import { planBuilder } from "../../src/plan/step.js";
import { treePath } from "../../src/store/store.js";

export interface CardPartition {
  /** Bytes. */
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly uuid: string;
  readonly name: string;
  readonly bootable: boolean;
}

/** What other people's programs say of a card: sfdisk, mtools, dtc, unsquashfs, kmod; of what they print, the least is taken. */
export interface CardReader {
  readonly table: (card: string) => {
    readonly label: string;
    readonly id: string;
    readonly partitions: readonly CardPartition[];
  };
  /** What sfdisk finds in a table. */
  readonly verify: (card: string) => string;
  /** Paths of the files of a FAT that begins at a byte of the card. */
  readonly fatFiles: (card: string, offset: number) => readonly string[];
  readonly fatFile: (card: string, offset: number, path: string) => Buffer;
  readonly fatPut: (card: string, offset: number, file: string) => void;
  /** A device tree as text. */
  readonly deviceTree: (file: string) => string;
  readonly unsquash: (image: string, folder: string) => void;
  /** Names of the modules that a module needs, as its own file says. */
  readonly needs: (module: string) => readonly string[];
  /** Unpacks a cpio archive with the image's own busybox under qemu-user. */
  readonly uncpio: (archive: Buffer, folder: string) => void;
}

/** The reader, its programs taken from Debian. The project in `cwd` was built: it says which Debian. */
export async function cardReader(cwd: string, board: string): Promise<CardReader> {
  const context: Context = {
    cwd,
    env: process.env,
    now: () => 0,
    date: Date.now,
    emit: () => {},
    signal: new AbortController().signal,
  };
  const { request, services, lock: known } = await prepare(context, { offline: false, locked: false, board });
  const { distribution } = request.catalog;
  const { store, signal, emit, now } = services;
  const hostArch = request.host.arch;
  const set = { name: "tools/test-reader", arch: hostArch, packages: ["fdisk", "device-tree-compiler"] };
  const lock = await lockPackages({
    lock: emptyLock(distribution.name),
    needed: { distribution, sets: [set] },
    ...{ distribution, store, signal, emit, now },
    mirrors: async () => (await userRegistries(process.env)).deb,
    offline: false,
    env: process.env,
  });
  const plan = planBuilder();
  const shared = { distribution, hostArch, plan, arch: request.board.arch, version: "0" };
  const reader = plan.add({
    id: `root/${set.name}`,
    kind: "root",
    title: "Unpack programs that read cards",
    why: "what was written is read by somebody else",
    inputs: { debs: fetchSet({ ...shared, lock }, set.name, "they read cards") },
    params: { only: ["**"], exclude: ["usr/share/**"], wrap: hostWrap(hostArch, ["usr/bin", "usr/sbin"]) },
  });
  const image = toolsRoot({ ...shared, lock: known }, "image");
  const modules = toolsRoot({ ...shared, lock: known }, "modules");
  const qemu = toolsRoot({ ...shared, lock: known }, "qemu");
  const made = await execute(
    { format: 1, steps: [...plan.steps.values()], targets: {} },
    [reader, image, modules, qemu],
    services,
  );
  const root = (step: string) => join(treePath(store, made.get(step)?.digest ?? ""), "root/usr");
  return readerOf({ reader: root(reader), image: root(image), modules: root(modules), qemu: root(qemu) });
}

function readerOf(roots: Readonly<Record<"reader" | "image" | "modules" | "qemu", string>>): CardReader {
  const run = (program: string, args: readonly string[], options: { input?: Buffer; cwd?: string } = {}): Buffer =>
    execFileSync(program, args, {
      ...options,
      env: { PATH: "", LC_ALL: "C", TZ: "UTC", MTOOLS_SKIP_CHECK: "1" },
      maxBuffer: 1 << 28,
      stdio: ["pipe", "pipe", "pipe"],
    });
  const fat = (card: string, offset: number) => ["-i", `${card}@@${offset}`];
  const mtools = (name: string) => join(roots.image, "bin", name);
  const sfdisk = join(roots.reader, "sbin/sfdisk");
  return {
    table(card) {
      const { partitiontable: table } = JSON.parse(run(sfdisk, ["--json", card]).toString());
      const partitions = table.partitions.map((one: Record<string, string | number | boolean | undefined>) => ({
        start: Number(one.start) * 512,
        size: Number(one.size) * 512,
        type: String(one.type),
        uuid: String(one.uuid ?? "").toLowerCase(),
        name: String(one.name ?? ""),
        bootable: one.bootable === true,
      }));
      return { label: table.label, id: String(table.id).toLowerCase().replace(/^0x/, ""), partitions };
    },
    verify: (card) => run(sfdisk, ["--verify", card]).toString(),
    fatFiles: (card, offset) =>
      run(mtools("mdir"), [...fat(card, offset), "-/", "-b", "::"])
        .toString()
        .split("\n")
        .map((line) => line.trim().replace(/^::\//, ""))
        .filter((line) => line !== "" && !line.endsWith("/"))
        .sort(),
    fatFile: (card, offset, path) => run(mtools("mtype"), [...fat(card, offset), `::/${path}`]),
    fatPut(card, offset, file) {
      run(mtools("mcopy"), [...fat(card, offset), file, "::/"]);
    },
    deviceTree: (file) => run(join(roots.reader, "bin/dtc"), ["-q", "-I", "dtb", "-O", "dts", file]).toString(),
    unsquash(image, folder) {
      run(join(roots.image, "bin/unsquashfs"), ["-quiet", "-no-progress", "-d", folder, image]);
    },
    needs: (module) =>
      run(join(roots.modules, "sbin/modinfo"), ["-F", "depends", module])
        .toString()
        .split(/[,\n]/)
        .filter((name) => name !== ""),
    uncpio(archive, folder) {
      const busybox = join(folder, "..", "root/usr/bin/busybox");
      run(join(roots.qemu, "bin/qemu-aarch64"), [busybox, "cpio", "-i", "-d"], { input: archive, cwd: folder });
    },
  };
}

/** The ranges of a .bmap, in bytes, read as text. */
export function mappedRanges(
  text: string,
): { readonly start: number; readonly end: number; readonly sha256: string }[] {
  const block = Number(/<BlockSize>\s*(\d+)/.exec(text)?.[1]);
  return [...text.matchAll(/<Range chksum="([0-9a-f]{64})">\s*(\d+)(?:-(\d+))?\s*</g)].map(
    ([, sha256 = "", first = "", last = first]) => ({
      start: Number(first) * block,
      end: (Number(last) + 1) * block,
      sha256,
    }),
  );
}
