import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMarked, marker } from "../../builders/buildroot/names.js";
import type { TreeFile } from "../../builders/buildroot/tree-file.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { sha256Text } from "../../ground/canonical.js";

/** Lists what a tree's generation wrote, in the form of sha256sum; its files may lie beside ones of the user. */
const indexName = "generated.sha256";

export interface Written {
  readonly written: number;
  readonly kept: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Writes a tree over what an earlier run left there. A file is edgeimg's when it says so in its first lines, or when it still has
 * the content that the index names; files that were taken over by the user are kept. Throws ERR_EDGEIMG_BUILDROOT_OWN_FILE, before
 * anything is written, when a file that is none of these is in the way.
 */
export async function writeTree(folder: string, files: readonly TreeFile[]): Promise<Written> {
  const index = parseIndex(await readFile(join(folder, indexName), "utf8").catch(() => ""));
  const wanted: { file: TreeFile; bytes: Buffer; hash: string; there: Buffer | undefined }[] = [];
  const kept: string[] = [];
  const foreign: string[] = [];
  for (const file of files) {
    const there = await readFile(join(folder, file.path)).catch(() => undefined);
    if (file.once && there !== undefined) continue;
    const bytes = file.from === "text" ? Buffer.from(file.text) : await readFile(file.file);
    const hash = sha256Text(bytes);
    if (there !== undefined && !isOurs(there, index.get(file.path)) && !there.equals(bytes)) {
      (index.has(file.path) ? kept : foreign).push(file.path);
      continue;
    }
    wanted.push({ file, bytes, hash, there });
  }
  if (foreign.length > 0) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_BUILDROOT_OWN_FILE",
      `${folder} holds files that edgeimg did not write, where the tree has its own.`,
      {
        details: foreign.slice(0, 10),
        hint: "Nothing was written. Move them away, or choose another folder with --out.",
      },
    );
  }
  let written = 0;
  for (const { file, bytes, there } of wanted) {
    const path = join(folder, file.path);
    const executable = there !== undefined && ((await stat(path)).mode & 0o100) !== 0;
    if (there?.equals(bytes) === true && executable === file.executable) continue;
    await replace(path, bytes);
    await chmod(path, file.executable ? 0o755 : 0o644);
    written++;
  }
  const names = new Set(files.map(({ path }) => path));
  const removed: string[] = [];
  for (const [path, hash] of index) {
    if (names.has(path)) continue;
    const there = await readFile(join(folder, path)).catch(() => undefined);
    if (there === undefined || !isOurs(there, hash)) continue;
    await rm(join(folder, path));
    removed.push(path);
  }
  const mine = wanted.filter(({ file }) => !file.once).map(({ file, hash }) => ({ path: file.path, hash }));
  // A file that was kept stays known, so that the next run keeps it as well.
  const lines = [...mine, ...kept.map((path) => ({ path, hash: index.get(path) ?? "" }))]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, hash }) => `${hash}  ${path}\n`);
  await replace(join(folder, indexName), Buffer.from(`${marker}\n${lines.join("")}`));
  return { written, kept, removed };
}

function isOurs(content: Buffer, hash: string | undefined): boolean {
  return isMarked(content.subarray(0, 1024).toString("utf8")) || sha256Text(content) === hash;
}

function parseIndex(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, hash = "", path = ""] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    // An index is a file like others: a path in it must not lead out of the tree.
    if (path !== "" && !path.startsWith("/") && !path.split("/").includes("..")) found.set(path, hash);
  }
  return found;
}

async function replace(path: string, bytes: Buffer): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${path} cannot be written.`, {
      cause,
      hint: "Give yourself rights to its folder, or choose another with --out.",
    });
  }
}
