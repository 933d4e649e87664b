/** One file of a generated tree: its text, or the file that it is a copy of. */
export type TreeFile = {
  readonly path: string;
  readonly executable: boolean;
  /** Written only when it is missing: the user's own from then on. */
  readonly once: boolean;
} & ({ readonly from: "text"; readonly text: string } | { readonly from: "file"; readonly file: string });

export function textFile(path: string, text: string, more: { executable?: boolean; once?: boolean } = {}): TreeFile {
  return { path, executable: more.executable ?? false, once: more.once ?? false, from: "text", text };
}

export function copyOf(path: string, file: string, more: { executable?: boolean } = {}): TreeFile {
  return { path, executable: more.executable ?? false, once: false, from: "file", file };
}
