/** One step of a package, as Buildroot announces it: `>>> ncnn 1.0 Configuring`. */
export interface BuildrootMessage {
  readonly package: string;
  readonly version: string;
  readonly what: string;
}

// Escape sequences: Buildroot prints its messages in bold on a terminal.
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m|${String.fromCharCode(27)}\\(B`, "g");

/** Reads a line of make's output; undefined for any other line. Packages without a version have two spaces there. */
export function parseMessage(line: string): BuildrootMessage | undefined {
  const [, name, version = "", what] =
    /^>>> (\S+) (\S*) ?([A-Z][A-Za-z ,:_-]*[A-Za-z])/.exec(line.replace(escapes, "").trimEnd()) ?? [];
  return name === undefined || what === undefined ? undefined : { package: name, version, what };
}
