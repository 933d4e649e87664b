import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { targetName } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute, type StepResult } from "../../execute/execute.js";
import { mergePlans } from "../../plan/merge.js";
import type { Plan } from "../../plan/step.js";
import { withLock } from "../../store/lock.js";
import { lockFolder, treePath } from "../../store/store.js";
import { hashFile, storedHash } from "../../store/tree.js";
import { useStore } from "../../store/use.js";
import { buildWithBuildroot } from "../buildroot/build.js";
import { type Prepared, prepare, prepareMatrix } from "../session/prepare.js";
import type { Artifact, BuildOptions, BuildResult, Context, MatrixResult } from "../types.js";
import { checkBudget } from "./budget.js";
import { tidy } from "./tidy.js";
import { leaveReceipt } from "./up-to-date.js";

/** Builds the image of one board and puts it, with what belongs to it, into the output folder. */
export async function buildImage(context: Context, options: BuildOptions): Promise<BuildResult> {
  const began = Date.now();
  const built = await buildPrepared(context, options);
  // A receipt is a matter of speed alone.
  await leaveReceiptOf(context, options, { built, began }).catch(() => undefined);
  return built.result;
}

async function leaveReceiptOf(
  context: Context,
  options: BuildOptions,
  { built, began }: { readonly built: Built; readonly began: number },
): Promise<void> {
  const { prepared, result, outcome } = built;
  // Packages of npm lie in folders of tens of thousands of files: a build looks at those that it needs.
  if (outcome === undefined || result.ranSteps > 0 || prepared.request.dependencies.length > 0) return;
  const { project } = prepared;
  const locals = outcome.plan.steps.filter(({ kind }) => kind === "local");
  const trees = Object.keys(published).flatMap((target) => outcomeTree(outcome, target) ?? []);
  await leaveReceipt(context, options, {
    began,
    project: project.folder,
    outBase: project.outBase,
    inputs: [
      resolve(context.cwd, options.configFile ?? "edgeimg.yaml"),
      project.lockFile,
      ...locals.map(({ params }) => String(Reflect.get(params, "path"))),
    ],
    stored: trees.flatMap((tree) => [tree, `${tree}.json`]),
    steps: outcome.plan.steps.flatMap(({ id, title }) => {
      const digest = outcome.results.get(id)?.digest;
      return digest === undefined ? [] : [{ step: id, title, digest }];
    }),
    result,
  });
}

/** A build's result, and the folder of the QEMU root that belongs to it. */
export interface Built {
  readonly result: BuildResult;
  readonly prepared: Prepared;
  readonly qemuRoot: string;
  readonly image: string;
  /** Of edgeimg's own builder. */
  readonly outcome?: Outcome & { readonly plan: Plan };
}

export async function buildPrepared(context: Context, options: BuildOptions): Promise<Built> {
  if (options.builder === "buildroot") return await buildWithBuildroot(context, options);
  const started = context.now();
  const { built } = await buildAll(context, [await prepare(context, options)], started);
  const [first] = built;
  if (first === undefined) throw new Error("nothing was built");
  return first;
}

/** Builds the images of all combinations of the project's matrix, as one graph in which each common step stands once. */
export async function buildMatrix(context: Context, options: BuildOptions): Promise<MatrixResult> {
  const started = context.now();
  const { built, steps } = await buildAll(context, await prepareMatrix(context, options), started);
  return { images: built.map(({ result }) => result), ...countSteps(steps), ms: context.now() - started };
}

async function buildAll(
  context: Context,
  images: readonly Prepared[],
  started: number,
): Promise<{ readonly built: readonly Built[]; readonly steps: readonly StepResult[] }> {
  const [first] = images;
  if (first === undefined) throw new Error("there is nothing to build");
  for (const { out } of images) await requireWritable(out);
  const jobs = images.map((prepared) => ({
    prepared,
    name: targetName({ board: prepared.request.board.name, engine: prepared.request.engine.recipe.name }),
    plan: makePlan(prepared.request, prepared.lock),
  }));
  const merged = mergePlans(jobs);
  context.emit({ type: "plan", steps: merged.plan.steps.length });
  const { store } = first.services;
  const since = Date.now();
  const ended = await useStore(store, context.signal, () => finish({ context, started, jobs, merged }));
  await tidy(context, { store, since, built: ended.built, plan: merged.plan, results: ended.results });
  return { built: ended.built, steps: [...ended.results.values()] };
}

interface Finish {
  readonly context: Context;
  readonly started: number;
  readonly jobs: readonly { readonly prepared: Prepared; readonly name: string }[];
  readonly merged: ReturnType<typeof mergePlans>;
}

/** Runs the steps and publishes the results. */
async function finish({ context, started, jobs, merged }: Finish) {
  const [first] = jobs;
  if (first === undefined) throw new Error("there is nothing to build");
  const results = await execute(merged.plan, Object.values(merged.plan.targets), first.prepared.services);
  const outcomes = jobs.map(({ prepared, name }) => ({
    prepared,
    targets: merged.targets.get(name) ?? {},
    steps: merged.steps.get(name) ?? [],
    results,
  }));
  for (const outcome of outcomes) await keepBudget(outcome);
  const built: Built[] = [];
  for (const outcome of outcomes) {
    const { prepared } = outcome;
    // Another build may end in the same folder at the same time.
    const lock = { folder: lockFolder(prepared.services.store), key: `out/${prepared.out}`, signal: context.signal };
    const artifacts = await withLock(lock, () => publish(outcome));
    for (const artifact of artifacts) context.emit({ type: "artifact", ...artifact });
    built.push({
      prepared,
      outcome: { ...outcome, plan: merged.plan },
      image: artifacts.find(({ role }) => role === "image")?.path ?? "",
      qemuRoot: join(outcomeTree(outcome, "qemu") ?? "", "root"),
      result: {
        artifacts,
        board: prepared.request.board.name,
        engine: prepared.request.engine.recipe.name,
        boards: prepared.project.merged.boards,
        out: prepared.out,
        ...countSteps(outcome.steps.flatMap((id) => results.get(id) ?? [])),
        ms: context.now() - started,
      },
    });
  }
  return { built, results };
}

/** One image of a build: its steps' results, and those that matter, by target. */
export interface Outcome {
  readonly prepared: Prepared;
  readonly targets: Readonly<Record<string, string>>;
  readonly steps: readonly string[];
  readonly results: ReadonlyMap<string, StepResult>;
}

/** The folder of a target's result. */
function outcomeTree({ prepared, targets, results }: Outcome, target: string): string | undefined {
  const digest = results.get(targets[target] ?? "")?.digest;
  return digest === undefined ? undefined : treePath(prepared.services.store, digest);
}

function countSteps(steps: readonly StepResult[]): Pick<BuildResult, "cachedSteps" | "ranSteps"> {
  const cachedSteps = steps.filter(({ cached }) => cached).length;
  return { cachedSteps, ranSteps: steps.length - cachedSteps };
}

/** Before anything is published, so that the output folder keeps the last image within the budget, to compare with. */
async function keepBudget(outcome: Outcome): Promise<void> {
  const { project, request, out } = outcome.prepared;
  const report = outcomeTree(outcome, "report");
  if (report === undefined) return;
  const packed = outcomeTree(outcome, "zst");
  const [name = ""] = packed === undefined ? [] : await readdir(packed);
  await checkBudget({
    budget: request.project.budget,
    report,
    compressed: packed === undefined ? undefined : join(packed, name),
    before: out,
    place: project.merged.place(["budget"]),
  });
}

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
const published: Readonly<Record<string, string>> = {
  disk: "image",
  zst: "compressed",
  bmap: "bmap",
  report: "report",
  imager: "imager",
};

/** What the output folder held after the last build, so that unchanged files are not copied again. */
type Published = Record<string, { digest: string; stamp: string; sha256: string; role: string }>;

const recordName = ".edgeimg.json";

export async function publish({ prepared, targets, results }: Outcome): Promise<Artifact[]> {
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
        await copyFile(join(treePath(services.store, digest), name), `${path}.new`, constants.COPYFILE_FICLONE);
        if (role === "imager") await nameFolder(`${path}.new`, out);
        await rename(`${path}.new`, path);
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
