/** Where a file's bytes come from; the builders turn these into inputs of steps and files of a tree. */
export type FileSource =
  /** A path in the root of target packages. */
  | { readonly from: "package"; readonly path: string }
  /** A path in recipes/init. */
  | { readonly from: "recipe"; readonly path: string }
  /** A device tree, found with the distribution's `kernel.dtb`. */
  | { readonly from: "dtb"; readonly name: string }
  /** A path in an input of the step that lays the file. */
  | { readonly from: "input"; readonly input: string; readonly path: string }
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

/** What a file system of the image holds. Everything belongs to root. */
export type FileEntry =
  | ModulesEntry
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly source: FileSource }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string };

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
