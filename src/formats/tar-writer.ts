import { Header, Pax } from "tar";

/** One entry of an archive that a file system is made from. Everything belongs to root (uid and gid 0). */
export type ArchiveEntry =
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly data: Buffer };

/**
 * A POSIX tar archive (ustar with pax headers where a path needs them), the same bytes for the same entries: order as given, numeric
 * owners, one modification time in seconds.
 */
export function* writeTar(entries: Iterable<ArchiveEntry>, mtime: number): Generator<Buffer> {
  for (const entry of entries) {
    const size = entry.type === "file" ? entry.data.length : 0;
    const fields = {
      path: entry.type === "directory" ? `${entry.path}/` : entry.path,
      mode: entry.type === "symlink" ? 0o777 : entry.mode,
      uid: 0,
      gid: 0,
      size,
      mtime: new Date(mtime * 1000),
      type:
        entry.type === "file"
          ? ("File" as const)
          : entry.type === "directory"
            ? ("Directory" as const)
            : ("SymbolicLink" as const),
      ...(entry.type === "symlink" ? { linkpath: entry.target } : {}),
    };
    const header = new Header(fields);
    header.encode(Buffer.alloc(512));
    if (header.needPax)
      yield new Pax({ path: fields.path, ...(entry.type === "symlink" ? { linkpath: entry.target } : {}) }).encode();
    const block = Buffer.alloc(512);
    header.encode(block);
    yield block;
    if (entry.type !== "file") continue;
    yield entry.data;
    if (size % 512 !== 0) yield Buffer.alloc(512 - (size % 512));
  }
  yield Buffer.alloc(1024);
}
