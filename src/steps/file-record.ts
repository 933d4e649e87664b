import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";

const fileRecord = z.object({
  path: z.string(),
  type: z.enum(["file", "directory", "symlink"]),
  mode: z.int(),
  size: z.int(),
  sha256: z.string().optional(),
  target: z.string().optional(),
  /** The input, and the file of the Debian package within it. */
  input: z.string().optional(),
  package: z.string().optional(),
  neededBy: z.string().optional(),
});

/** One line of the `files.json` of an assembled tree: what it holds, where that came from and why. */
export type FileRecord = Readonly<z.infer<typeof fileRecord>>;

/** The listing of an assembled tree. */
export async function readListing(folder: string): Promise<readonly FileRecord[]> {
  return z.array(fileRecord).parse(JSON.parse(await readFile(join(folder, "files.json"), "utf8")));
}
