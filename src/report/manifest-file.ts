/** One file of the image as `manifest.json` tells it. */
export interface ManifestFile {
  /** "boot", "initramfs" or "root". */
  readonly part: string;
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Octal. */
  readonly mode: string;
  readonly size: number;
  readonly sha256?: string | undefined;
  readonly target?: string | undefined;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  readonly license?: string | undefined;
  /** All that it is made of, when that is more than one: names in the manifest's lists. */
  readonly contains?: readonly string[] | undefined;
  /** The file that needs it, when it was taken for that. */
  readonly neededBy?: string | undefined;
}
