import { createReadStream } from "node:fs";
import { chmod, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { globMatcher } from "../formats/glob.js";
import * as z from "../ground/zod.js";
import { makeLinks } from "./archive-links.js";
import { extractDeb, extractTar, extractZip, unpackFailure } from "./archives.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** Unpacks the one archive in its input: tar, tar.gz, zip (wheels) or a Debian package, told apart by their first bytes. */
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
            : await extractTar(createReadStream(path), name, options);
      await makeLinks(out, links, name);
    } catch (error) {
      throw services.signal.aborted ? error : unpackFailure(name, error);
    }
    for (const file of executable) await chmod(join(out, file), 0o755);
  },
});

async function archiveKind(path: string): Promise<"zip" | "deb" | "tar"> {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
    if (buffer.toString("latin1", 0, 4) === "PK\x03\x04") return "zip";
    return buffer.toString("latin1") === "!<arch>\n" ? "deb" : "tar";
  } finally {
    await file.close();
  }
}
