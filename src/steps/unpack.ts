import { createReadStream } from "node:fs";
import { chmod, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { globMatcher } from "../formats/glob.js";
import * as z from "../ground/zod.js";
import { makeLinks } from "./archive-links.js";
import { extractDeb, extractTar, extractZip, unpackFailure } from "./archives.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** Unpacks the one archive in its input: tar, tar.gz, tar.xz, zip (wheels) or a Debian package, told apart by their first bytes. */
export const unpackKind = defineKind({
  name: "unpack",
  version: 1,
  params: z.strictObject({
    strip: z.int().min(0).default(0),
    only: z.array(z.string()).default(["**"]),
    executable: z.array(z.string()).default([]),
  }),
  async run({ strip, only, executable }, { inputs, out, services }) {
    const folder = inputFolder(inputs, "archive");
    const [name, ...others] = await readdir(folder);
    if (name === undefined || others.length > 0) throw new Error("unpack wants one archive");
    const path = join(folder, name);
    const options = { into: out, strip, wanted: globMatcher(only), signal: services.signal };
    const kind = await archiveKind(path);
    try {
      const { links } =
        kind === "zip"
          ? await extractZip(path, options)
          : kind === "deb"
            ? await extractDeb(path, options)
            : await extractTar(kind === "xz" ? xzContent(path) : createReadStream(path), name, options);
      await makeLinks(out, links, name);
    } catch (error) {
      throw services.signal.aborted ? error : unpackFailure(name, error);
    }
    for (const file of executable) await chmod(join(out, file), 0o755);
  },
});

/** What an .xz file holds. */
function xzContent(path: string): Readable {
  return Readable.from(
    (async function* () {
      // A CommonJS module: its exports are the default one's.
      const { XzReadableStream } = (await import("xz-decompress")).default;
      const compressed = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
      const reader = new XzReadableStream(compressed).getReader();
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) return;
          // The decoder uses its output's memory again.
          yield Buffer.from(value);
        }
      } finally {
        await reader.cancel().catch(() => {});
      }
    })(),
  );
}

async function archiveKind(path: string): Promise<"zip" | "deb" | "xz" | "tar"> {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
    if (buffer.toString("latin1", 0, 4) === "PK\x03\x04") return "zip";
    if (buffer.toString("latin1", 0, 6) === "\xfd7zXZ\0") return "xz";
    return buffer.toString("latin1") === "!<arch>\n" ? "deb" : "tar";
  } finally {
    await file.close();
  }
}
