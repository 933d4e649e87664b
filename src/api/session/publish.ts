import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { StepResult } from "../../execute/run-step.js";
import { placeFile } from "../../store/place.js";
import { treePath } from "../../store/store.js";
import { hashFile, storedHash } from "../../store/tree.js";
import type { Artifact, Context } from "../types.js";
import type { Prepared } from "./prepare.js";

/** One image of a build: its steps' results, and those that matter, by target. */
export interface Outcome {
  readonly prepared: Prepared;
  readonly targets: Readonly<Record<string, string>>;
  readonly steps: readonly string[];
  readonly results: ReadonlyMap<string, StepResult>;
}

/** Throws ERR_EDGEIMG_OUTPUT_UNWRITABLE when nothing can be put into a folder. */
export async function requireWritable(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    const probe = join(folder, ".writable");
    await writeFile(probe, "");
    await rm(probe);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `The output folder ${folder} cannot be written.`, {
      cause,
      hint: "Give yourself rights to it, or choose another with --out.",
    });
  }
}

/** Like `mkdir -p`. Node's own recursive mkdir never ends where a file system answers ENOENT to every attempt, as /proc does. */
async function makeFolders(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory()) return;
  await makeFolders(dirname(folder));
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** Targets whose files are results, and what each file is. */
export const published: Readonly<Record<string, string>> = {
  disk: "image",
  zst: "compressed",
  bmap: "bmap",
  report: "report",
  imager: "imager",
};

/** What the output folder held after the last build, so that unchanged files are not copied again. */
type Published = Record<string, { digest: string; stamp: string; sha256: string; role: string }>;

const recordName = ".edgeimg.json";

/** Puts the results of a build into its output folder, with their hashes; what is there already stays. */
export async function publish(
  { prepared, targets, results }: Outcome,
  { date }: Pick<Context, "date">,
): Promise<Artifact[]> {
  const { out, services } = prepared;
  const before = await readRecord(out);
  const record: Published = {};
  for (const [target, step] of Object.entries(targets)) {
    const role = published[target];
    const digest = results.get(step)?.digest;
    if (role === undefined || digest === undefined) continue;
    for (const name of (await readdir(treePath(services.store, digest))).sort()) {
      const path = join(out, name);
      const known = before[name];
      if (known?.digest !== digest || known.stamp !== (await stampOf(path))) {
        const source = join(treePath(services.store, digest), name);
        // Of the others somebody may want to change one.
        if (role === "image" || role === "compressed")
          await placeFile(services.store, { digest, name, target: path, now: date() });
        else {
          await copyFile(source, `${path}.new`);
          if (role === "imager") await nameFolder(`${path}.new`, out);
          await rename(`${path}.new`, path);
        }
        const sha256 =
          role === "imager" ? await hashFile(path, 0) : await storedHash(treePath(services.store, digest), name);
        record[name] = { digest, role, stamp: await stampOf(path), sha256 };
      } else record[name] = known;
    }
  }
  // Not the manifest for Imager: it names the folder that it lies in.
  const summed = Object.entries(record).filter(([, { role }]) => role !== "imager");
  const sums = summed.map(([name, { sha256 }]) => `${sha256}  ${name}\n`);
  const sumsText = sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("");
  await writeFile(join(out, "SHA256SUMS"), sumsText);
  await writeFile(join(out, recordName), `${JSON.stringify(record)}\n`);
  const artifacts: Artifact[] = [];
  for (const [name, { role, sha256 }] of Object.entries(record)) {
    const path = join(out, name);
    artifacts.push({ role, path, bytes: (await stat(path)).size, sha256 });
  }
  return artifacts;
}

/** Imager takes no address relative to the manifest: where the project names no server, the image in this folder is meant. */
async function nameFolder(manifest: string, out: string): Promise<void> {
  const text = await readFile(manifest, "utf8");
  const local = (file: string) => pathToFileURL(join(out, file)).href;
  // The file in the store may not be written: a new one takes the place of its copy.
  await rm(manifest);
  await writeFile(
    manifest,
    text.replace(/("url": ")([^":/]+")/, (_, key: string, file: string) => `${key}${local(file.slice(0, -1))}"`),
  );
}

async function readRecord(out: string): Promise<Partial<Published>> {
  const text = await readFile(join(out, recordName), "utf8").catch(() => "{}");
  try {
    return JSON.parse(text) as Partial<Published>;
  } catch {
    return {};
  }
}

async function stampOf(path: string): Promise<string> {
  return await stat(path).then(
    (found) => `${found.size}:${found.mtimeMs}:${found.ino}`,
    () => "",
  );
}
