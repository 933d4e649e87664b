import { createHash } from "node:crypto";
import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { packageHome } from "../../ground/home.js";
import { cacheFolder } from "../session/cache-folder.js";
import type { BuildOptions, BuildResult, Context } from "../types.js";

/**
 * A build that found nothing to do leaves a receipt: the state of every file that it read, of edgeimg's own, and of its results, as git's
 * index does. While all of them are as they were, the next build gives the same result without reading any.
 *
 * A state is device, inode, mode, size, and the times of change of data and of the inode in nanoseconds. The latter cannot be set back by anybody but by
 * setting the clock. A file that was changed within `racy` before the build began may be changed again in the same tick of the file system's
 * clock, without a trace; then there is no receipt.
 */
export interface Receipt {
  readonly format: 1;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
  /** Files and folders that are looked through, with the paths left out. */
  readonly roots: readonly string[];
  readonly except: readonly string[];
  /** Over the states of all that lies in `roots`. */
  readonly state: string;
  readonly steps: readonly { readonly step: string; readonly title: string; readonly digest: string }[];
  readonly result: Omit<BuildResult, "ms">;
}

/** No file system's clock ticks slower than FAT's two seconds. */
const racyMs = 2500;
/** A receipt does not tell the store that its results are still wanted; a whole build does, at least this often. */
const longestMs = 86_400_000;

/** The result of a build that would change nothing; undefined when only a build can tell. */
export async function upToDate(context: Context, options: BuildOptions): Promise<BuildResult | undefined> {
  const started = context.now();
  try {
    const receipt = JSON.parse(readFileSync(receiptPath(context, options), "utf8")) as Receipt;
    const age = context.date() - receipt.madeAt;
    if (receipt.format !== 1 || !(age >= 0 && age < longestMs)) return undefined;
    if (stateOf(receipt).state !== receipt.state) return undefined;
    context.emit({ type: "plan", steps: receipt.steps.length });
    for (const step of receipt.steps) context.emit({ type: "step-end", ...step, cached: true, ms: 0 });
    for (const artifact of receipt.result.artifacts) context.emit({ type: "artifact", ...artifact });
    return { ...receipt.result, ms: context.now() - started };
  } catch {
    // No receipt, a damaged one, or a file that is gone.
    return undefined;
  }
}

export interface Finished {
  /** When the build began, milliseconds since the epoch. */
  readonly began: number;
  readonly project: string;
  readonly outBase: string;
  /** What the build read besides the project's folder and edgeimg's own. A path that does not exist is remembered as such. */
  readonly inputs: readonly string[];
  /** Folders of the results in the store, with their listings. */
  readonly stored: readonly string[];
  readonly steps: Receipt["steps"];
  readonly result: BuildResult;
}

/** Leaves a receipt of a build that found nothing to do. */
export async function leaveReceipt(context: Context, options: BuildOptions, done: Finished): Promise<void> {
  const { ms: _, ...result } = done.result;
  const home = resolve(packageHome);
  const require = createRequire(import.meta.url);
  const inputs = [
    // A clone's src is run by its tests.
    ...["board-configs", "recipes", "templates", "schemas", "examples", "dist/bundle", "src", "package.json"].map(
      (path) => join(home, path),
    ),
    ...["esbuild", "typescript"].map((name) => require.resolve(`${name}/package.json`)),
    done.project,
    ...done.inputs,
  ];
  // What the app's own step leaves out as well.
  const except = [
    done.outBase,
    // Not the cache folder itself, which may be the project's.
    join(cacheFolder(context), "edgeimg"),
    ...[".git", "node_modules"].map((name) => join(done.project, name)),
  ];
  const before = stateOf({ roots: inputs, except });
  if (before.newest >= done.began - racyMs) return;
  const names = readdirSync(result.out).map((name) => join(result.out, name));
  const roots = [...inputs, ...names, ...done.stored];
  const receipt: Receipt = {
    format: 1,
    madeAt: context.date(),
    roots,
    except,
    state: stateOf({ roots, except }).state,
    steps: done.steps,
    result,
  };
  const path = receiptPath(context, options);
  mkdirSync(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}.new`, JSON.stringify(receipt));
  await rename(`${path}.${process.pid}.new`, path);
}

/** All that decides about a build besides files. */
function receiptPath(context: Context, options: BuildOptions): string {
  const settings = Object.entries(context.env)
    .filter(([name]) => name.startsWith("EDGEIMG_"))
    .sort();
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify([resolve(packageHome), process.version, process.arch, context.cwd, sorted, settings]);
  const name = createHash("sha256").update(key).digest("hex");
  return join(cacheFolder(context), "edgeimg/v1/receipts", `${name}.json`);
}

/** The states of all files below some paths, as one hash, and the newest change in milliseconds. */
function stateOf(job: Pick<Receipt, "roots" | "except">): { state: string; newest: number } {
  const hash = createHash("sha256");
  const except = new Set(job.except);
  let newest = 0n;
  const note = (path: string, found: BigIntStats) => {
    if (found.ctimeNs > newest) newest = found.ctimeNs;
    const { dev, ino, mode, size, mtimeNs, ctimeNs } = found;
    hash.update(`${path}\0${dev} ${ino} ${mode} ${size} ${mtimeNs} ${ctimeNs}\0`);
    if (found.isSymbolicLink()) hash.update(`${readlinkSync(path)}\0`);
  };
  const look = (path: string) => {
    if (except.has(path)) return;
    const found = lstatSync(path, { bigint: true });
    note(path, found);
    if (found.isDirectory()) for (const name of readdirSync(path).sort()) look(join(path, name));
  };
  for (const root of job.roots) {
    const found = lstatSync(root, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) {
      hash.update(`${root}\0absent\0`);
      continue;
    }
    // The project, or a model, may lie behind a link: what it leads to counts, and where.
    const real = realpathSync(root);
    hash.update(`${root}\0${real}\0`);
    note(root, found);
    note(real, statSync(real, { bigint: true }));
    if (found.isDirectory()) for (const name of readdirSync(root).sort()) look(join(root, name));
    else if (real !== root) look(real);
  }
  return { state: hash.digest("hex"), newest: Number(newest / 1_000_000n) };
}
