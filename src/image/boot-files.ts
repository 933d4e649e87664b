import type { Board } from "../catalog/board.js";
import type { InitRecipe } from "../catalog/init.js";
import { bootKinds } from "./boot-kinds.js";
import { type BootFile, baseName, type FileEntry, type FileSource } from "./entries.js";
import type { Identity } from "./identity.js";
import { type Layout, partitions } from "./layout.js";
import type { ModuleLists } from "./modules.js";
import type { RenderTemplate } from "./render.js";

export interface CmdlineOptions {
  readonly identity: Pick<Identity, "signature" | "uuids">;
  readonly layout: Pick<Layout, "table" | "root">;
  /** A shell when the root cannot be mounted, and the kernel's messages on the console. */
  readonly debug: boolean;
}

/** The kernel's command line, as it stands in the image. */
export function cmdline(board: Board, { identity, layout, debug }: CmdlineOptions): string {
  const { signature, uuids } = identity;
  const root = layout.table === "gpt" ? uuids.root : `${signature}-${partitions.root.toString(16).padStart(2, "0")}`;
  return [
    `console=${board.console.device},${board.console.baud}`,
    `root=PARTUUID=${root}`,
    `rootfstype=${layout.root.filesystem}`,
    "ro",
    // Seconds until a board whose kernel gave up tries again.
    "panic=10",
    ...(debug ? ["edgeimg.debug"] : ["quiet"]),
    ...board.kernel.cmdline,
  ].join(" ");
}

/** What templates in templates/boot/ may use. */
export interface BootContext {
  readonly board: string;
  readonly cmdline: string;
  /** Names in the boot partition. */
  readonly kernel: string;
  readonly initramfs: string;
  readonly options: Readonly<Record<string, string | number>>;
  readonly models: readonly { readonly filter: string; readonly dtb: string }[];
  /** Of an extlinux.conf: one for each model, or one that leaves the device tree to the loader. */
  readonly entries: readonly { readonly label: string; readonly dtb: string }[];
  /** The label that is started. */
  readonly default: string;
  readonly choice: boolean;
}

/** Everything in the boot partition, sorted by name. */
export function bootFiles(
  board: Board,
  { cmdline, render }: { readonly cmdline: string; readonly render: RenderTemplate },
): BootFile[] {
  const { boot, kernel } = board;
  const entries = boot.models.map(({ filter, dtb }) => ({ label: filter, dtb }));
  const [first = { label: "edgeimg", dtb: "" }] = entries;
  const context: BootContext = {
    board: board.title,
    cmdline,
    kernel: boot.kernel.name,
    initramfs: boot.initramfs,
    options: boot.options,
    models: boot.models,
    entries: entries.length === 0 ? [first] : entries,
    default: first.label,
    choice: entries.length > 1,
  };
  const files: BootFile[] = [
    { name: boot.kernel.name, source: { from: "kernel", gzip: boot.kernel.gzip } },
    { name: boot.initramfs, source: { from: "initramfs" } },
    ...kernel.dtbs.map((path) => ({ name: baseName(path), source: { from: "dtb" as const, name: path } })),
    ...Object.entries(boot.firmware).map(([path, name]) => ({ name, source: { from: "package" as const, path } })),
    ...Object.entries(bootKinds[boot.kind].templates(boot)).map(([template, name]) => ({
      name,
      source: { from: "text" as const, text: render(`boot/${template}`, context) },
    })),
  ];
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The initramfs as data: the applets' program, its links, the modules and their order, and the first program. */
export function initramfsEntries(init: InitRecipe, modules: ModuleLists): FileEntry[] {
  const file = (path: string, mode: number, source: FileSource): FileEntry => ({ type: "file", path, mode, source });
  const applets = baseName(init.appletProgram);
  return [
    ...["bin", "dev", "etc", "lib", "lib/modules", "proc", "root", "run", "sys"].map((path) => ({
      type: "directory" as const,
      path,
      mode: 0o755,
    })),
    file("init", 0o755, { from: "recipe", path: "initramfs/init" }),
    file(`bin/${applets}`, 0o755, { from: "package", path: init.appletProgram }),
    ...init.applets.initramfs.map((name) => ({ type: "symlink" as const, path: `bin/${name}`, target: applets })),
    { type: "modules", path: "lib/modules", list: "etc/modules", wanted: modules.initramfs, loaded: [] },
  ];
}
