import type { Board } from "../catalog/board.js";
import type { InitRecipe } from "../catalog/init.js";

/** File systems of the root that an image may have. */
export type RootFilesystem = "squashfs" | "erofs" | "ext4";

/** The partitions of every image, by number in the MBR. The scripts of recipes/init know the data partition by the same number. */
export const partitions = { boot: 1, root: 2, data: 3 } as const;

/** Where a file's bytes come from; the builder turns these into inputs of steps. */
export type FileSource =
  /** A path in the root of target packages. */
  | { readonly from: "package"; readonly path: string }
  /** A path in recipes/init. */
  | { readonly from: "recipe"; readonly path: string }
  /** A device tree, found with the distribution's `kernel.dtb`. */
  | { readonly from: "dtb"; readonly name: string }
  | { readonly from: "kernel"; readonly gzip: boolean }
  | { readonly from: "initramfs" }
  | { readonly from: "text"; readonly text: string };

export interface BootFile {
  /** Name in the FAT partition. */
  readonly name: string;
  readonly source: FileSource;
}

/** Kernel modules with all that they need. */
export interface ModulesEntry {
  readonly type: "modules";
  /** The folder that they go into. */
  readonly path: string;
  /** The file with their names in load order. */
  readonly list: string;
  readonly wanted: readonly string[];
  /** Those that were wanted, and loaded, before. */
  readonly loaded: readonly string[];
}

export type InitramfsEntry =
  | ModulesEntry
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly source: FileSource }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string };

export interface CmdlineOptions {
  /** The MBR's disk signature, which names the image's partitions. */
  readonly signature: number;
  readonly filesystem: RootFilesystem;
  /** The root partition's own UUID, in a GPT. */
  readonly rootUuid?: string | undefined;
  /** A shell when the root cannot be mounted, and the kernel's messages on the console. */
  readonly debug: boolean;
}

/** The kernel's command line, as it stands in the image. */
export function cmdline(board: Board, { signature, filesystem, debug, rootUuid }: CmdlineOptions): string {
  return [
    `console=${board.console.device},${board.console.baud}`,
    `root=PARTUUID=${rootUuid ?? `${hex(signature, 8)}-${hex(partitions.root, 2)}`}`,
    `rootfstype=${filesystem}`,
    "ro",
    // Seconds until a board whose kernel gave up tries again.
    "panic=10",
    ...(debug ? ["edgeimg.debug"] : ["quiet"]),
    ...board.kernel.cmdline,
  ].join(" ");
}

export interface BootFilesOptions extends CmdlineOptions {
  /** Renders a template of templates/boot/ by its path there. */
  readonly render: (template: string, context: BootContext) => string;
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
}

/** Everything in the boot partition, sorted by name. */
export function bootFiles(board: Board, options: BootFilesOptions): BootFile[] {
  const { boot, kernel } = board;
  const context: BootContext = {
    board: board.title,
    cmdline: cmdline(board, options),
    kernel: boot.kernel.name,
    initramfs: boot.initramfs,
    options: boot.options,
    models: boot.models,
  };
  const files: BootFile[] = [
    { name: boot.kernel.name, source: { from: "kernel", gzip: boot.kernel.gzip } },
    { name: boot.initramfs, source: { from: "initramfs" } },
    ...kernel.dtbs.map((path) => ({ name: baseName(path), source: { from: "dtb" as const, name: path } })),
    ...Object.entries(boot.firmware).map(([path, name]) => ({ name, source: { from: "package" as const, path } })),
    ...Object.entries(boot.templates).map(([template, name]) => ({
      name,
      source: { from: "text" as const, text: options.render(template, context) },
    })),
  ];
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface ModuleOptions {
  readonly filesystem: RootFilesystem;
}

/** Modules that the initramfs wants: for the root's device, the root's file system, and ext4 for the data partition. */
export function initramfsModules(board: Board, init: InitRecipe, { filesystem }: ModuleOptions): string[] {
  return unique([...board.kernel.initramfs, ...(init.filesystems[filesystem] ?? []), ...(init.filesystems.ext4 ?? [])]);
}

/** Modules that the root file system wants, without those that the initramfs has loaded. */
export function rootfsModules(board: Board, init: InitRecipe, options: ModuleOptions): string[] {
  const loaded = new Set(initramfsModules(board, init, options));
  return unique(board.kernel.rootfs).filter((name) => !loaded.has(name));
}

/** Modules for the boot partition, which are loaded only when it holds settings for this one card. */
export function bootPartitionModules(init: InitRecipe): readonly string[] {
  return init.filesystems.vfat ?? [];
}

/** The initramfs as data: the applets' program, its links, the modules and their order, and the first program. */
export function initramfsEntries(board: Board, init: InitRecipe, options: ModuleOptions): InitramfsEntry[] {
  const file = (path: string, mode: number, source: FileSource): InitramfsEntry => ({
    type: "file",
    path,
    mode,
    source,
  });
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
    {
      type: "modules",
      path: "lib/modules",
      list: "etc/modules",
      wanted: initramfsModules(board, init, options),
      loaded: [],
    },
  ];
}

function hex(value: number, digits: number): string {
  return (value >>> 0).toString(16).padStart(digits, "0");
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
