/** An entry of an initramfs. Everything belongs to root; times are 0; inode numbers follow the sorted order. */
export type CpioEntry =
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  | {
      readonly type: "character";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/** File type bits of st_mode. */
const typeBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000, character: 0o020000 } as const;

const encoder = new TextEncoder();

/**
 * Writes a cpio archive in the "newc" form (magic 070701), the one that Linux unpacks as an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). The same entries in any order give the same bytes.
 * Throws a plain Error for a path that is empty, absolute, has empty parts, `.` or `..`, occurs twice or has no parent directory:
 * those are mistakes of the caller.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  checkPaths(sorted);
  const parts: Uint8Array[] = [];
  for (const [index, entry] of sorted.entries()) {
    const body =
      entry.type === "file" ? entry.data : entry.type === "symlink" ? encoder.encode(entry.target) : new Uint8Array();
    parts.push(header(entry, { inode: index + 1, size: body.length }), padded(body));
  }
  parts.push(header({ type: "directory", path: "TRAILER!!!", mode: 0 }, { inode: 0, size: 0, trailer: true }));
  return concatenate(parts, 512);
}

interface HeaderOptions {
  readonly inode: number;
  readonly size: number;
  readonly trailer?: boolean;
}

function header(entry: CpioEntry, { inode, size, trailer = false }: HeaderOptions): Uint8Array {
  const permissions = entry.type === "symlink" ? 0o777 : entry.mode;
  const device = entry.type === "character" ? entry : { major: 0, minor: 0 };
  const name = encoder.encode(`${entry.path}\0`);
  const fields = [
    inode,
    trailer ? 0 : typeBits[entry.type] | permissions,
    0, // uid
    0, // gid
    entry.type === "directory" && !trailer ? 2 : 1, // links
    0, // mtime
    size,
    0, // major and minor of the device the file lies on
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum, unused in this form
  ];
  const text = `070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("")}`;
  const bytes = new Uint8Array(text.length + name.length);
  bytes.set(encoder.encode(text));
  bytes.set(name, text.length);
  return padded(bytes);
}

/** Fills up with zeros to a multiple of four, as header and data are. */
function padded(bytes: Uint8Array): Uint8Array {
  const length = Math.ceil(bytes.length / 4) * 4;
  if (length === bytes.length) return bytes;
  const result = new Uint8Array(length);
  result.set(bytes);
  return result;
}

function concatenate(parts: readonly Uint8Array[], multiple: number): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new Uint8Array(Math.ceil(length / multiple) * multiple);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function checkPaths(sorted: readonly CpioEntry[]): void {
  const directories = new Set<string>();
  let before: string | undefined;
  for (const { path, type } of sorted) {
    const names = path.split("/");
    if (names.some((name) => name === "" || name === "." || name === "..") || path.includes("\0"))
      throw new Error(`cpio: bad path ${JSON.stringify(path)}`);
    if (path === before) throw new Error(`cpio: ${path} occurs twice`);
    const parent = names.slice(0, -1).join("/");
    if (parent !== "" && !directories.has(parent)) throw new Error(`cpio: the folder of ${path} is missing`);
    if (type === "directory") directories.add(path);
    before = path;
  }
}
