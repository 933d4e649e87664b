import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { diffImages, type ImageDiff } from "../../report/diff.js";
import { type ImageFacts, manifestSchema } from "../../report/manifest.js";
import type { Context, DiffOptions } from "../types.js";

/** What differs between two images, each given by its `manifest.json` or the folder of its results. */
export async function diffResults({ cwd }: Pick<Context, "cwd">, options: DiffOptions): Promise<ImageDiff> {
  const [old, next] = await Promise.all([options.old, options.new].map((path) => readImageFacts(resolve(cwd, path))));
  if (old === undefined || next === undefined) throw new Error("two images were asked for");
  return diffImages(old, next);
}

/**
 * Reads a manifest, and how large the compressed image beside it is.
 * @throws EdgeimgError ERR_EDGEIMG_MANIFEST_INVALID
 */
export async function readImageFacts(path: string): Promise<ImageFacts> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? join(path, "manifest.json") : path;
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(file, "utf8")));
    const packed = await stat(join(dirname(file), `${manifest.image.file}.zst`)).catch(() => undefined);
    return { manifest, compressed: packed?.size };
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new EdgeimgError(
      "ERR_EDGEIMG_MANIFEST_INVALID",
      `${file} ${missing ? "does not exist" : "is not the manifest of an image"}.`,
      { cause, hint: "Name a manifest.json that `edgeimg build` wrote, or the folder that it lies in." },
    );
  }
}
