import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import { storedHash } from "../store/tree.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  /** The image's file is NAME.img. */
  name: z.string(),
  title: z.string(),
  description: z.string(),
  /** An SVG. */
  icon: z.string(),
  board: z.string(),
  /** Imager's tags of the boards that the image starts. */
  tags: z.array(z.string()),
  /** Day of the package archive, YYYY-MM-DD. */
  date: z.string(),
  /** Folder that the image is served from; null: its bare name. */
  url: z.string().nullable(),
});

/**
 * Writes NAME.rpi-imager-manifest, by which Raspberry Pi Imager lists the image and checks it (its "os_list" JSON). Inputs: the image in
 * `disk`, what is downloaded in `packed`.
 */
export const imagerKind = defineKind({
  name: "imager",
  version: 1,
  params,
  async run({ name, title, description, icon, board, tags, date, url }, { inputs, out }) {
    const image = await factsOf(inputFolder(inputs, "disk"));
    const packed = await factsOf(inputFolder(inputs, "packed"));
    const picture = `data:image/svg+xml;base64,${Buffer.from(icon).toString("base64")}`;
    const manifest = {
      imager: {
        devices: [{ name: board, tags, default: true, icon: picture, description: board, matching_type: "exclusive" }],
      },
      os_list: [
        {
          name: title,
          description,
          icon: picture,
          url: url === null ? packed.file : `${url.replace(/\/$/, "")}/${packed.file}`,
          extract_size: image.size,
          extract_sha256: image.sha256,
          image_download_size: packed.size,
          image_download_sha256: packed.sha256,
          release_date: date,
          devices: tags,
          // It customises only systems that it knows.
          init_format: "none",
        },
      ],
    };
    await writeFile(join(out, `${name}.rpi-imager-manifest`), `${JSON.stringify(manifest, null, 2)}\n`);
  },
});

/** Of the one file in a folder. */
async function factsOf(folder: string): Promise<{ file: string; size: number; sha256: string }> {
  const [file = ""] = await readdir(folder);
  const { size } = await stat(join(folder, file));
  return { file, size, sha256: await storedHash(folder, file) };
}
