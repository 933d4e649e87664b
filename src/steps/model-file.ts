import { copyFile, lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { foreignFile, modelLimit, modelMissing, modelTooLarge } from "../model/external-data.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/**
 * Takes a model that is not ONNX to `model.FORMAT`, whatever it is called in the project. Nothing here reads the format: only what is no
 * model of any is refused. Throws ERR_EDGEIMG_MODEL_FILE and ERR_EDGEIMG_MODEL_SIZE.
 */
export const modelFileKind = defineKind({
  name: "model-file",
  version: 1,
  params: z.strictObject({
    name: z.string(),
    format: z.string(),
    /** Its path in the input `source`. */
    path: z.string(),
  }),
  async run({ name, format, path }, { inputs, out }) {
    const called = `Model ${name}`;
    const source = join(inputFolder(inputs, "source"), path);
    const stat = await lstat(source).catch(() => undefined);
    if (stat === undefined || !stat.isFile()) throw modelMissing(called, path, stat);
    if (stat.size > modelLimit) throw modelTooLarge(called, stat.size);
    const remedy = foreignFile(await firstBytes(source));
    if (remedy !== undefined)
      throw new EdgeimgError("ERR_EDGEIMG_MODEL_FILE", `${called} is no file of the format ${format}`, {
        hint: remedy,
      });
    await copyFile(source, join(out, `model.${format}`));
  },
});

async function firstBytes(path: string): Promise<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const bytes = Buffer.alloc(64);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
