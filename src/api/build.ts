import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { planImage as makePlan } from "../builders/debian/plan-image.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Plan } from "../plan/step.js";
import { execute, type StepResult } from "../steps/execute.js";
import { withLock } from "../store/lock.js";
import { treePath } from "../store/store.js";
import { checkBudget } from "./budget.js";
import { type Prepared, prepare } from "./prepare.js";
import type { Artifact, BuildOptions, BuildResult, Context } from "./types.js";

/** Builds the image of one board and puts it, with what belongs to it, into the output folder. */
export async function buildImage(context: Context, options: BuildOptions): Promise<BuildResult> {
  return (await buildPrepared(context, options)).result;
}

/** A build's result, and the folder of the QEMU root that belongs to it. */
export interface Built {
  readonly result: BuildResult;
  readonly prepared: Prepared;
  readonly qemuRoot: string;
  readonly image: string;
}

export async function buildPrepared(context: Context, options: BuildOptions): Promise<Built> {
  const started = context.now();
  const prepared = await prepare(context, options);
  await requireWritable(prepared.out);
  const plan = makePlan(prepared.request, prepared.lock);
  context.emit({ type: "plan", steps: plan.steps.length });
  const results = await execute(plan, Object.values(plan.targets), prepared.services);
  const tree = (target: string) => {
    const digest = results.get(plan.targets[target] ?? "")?.digest;
    return digest === undefined ? undefined : treePath(prepared.services.store, digest);
  };
  await keepBudget(prepared, tree);
  // Another build may end in the same folder at the same time.
  const artifacts = await withLock(prepared.out, context.signal, () => publish({ plan, prepared, results }));
  for (const artifact of artifacts) context.emit({ type: "artifact", ...artifact });
  const steps = [...results.values()];
  const image = artifacts.find(({ role }) => role === "image")?.path ?? "";
  const digest = results.get(plan.targets.qemu ?? "")?.digest ?? "";
  return {
    prepared,
    image,
    qemuRoot: join(treePath(prepared.services.store, digest), "root"),
    result: {
      artifacts,
      board: prepared.request.board.name,
      engine: prepared.request.engine.recipe.name,
      boards: prepared.project.merged.boards,
      out: prepared.out,
      cachedSteps: steps.filter((step) => step.cached).length,
      ranSteps: steps.filter((step) => !step.cached).length,
      ms: context.now() - started,
    },
  };
}

/** Before anything is published, so that the output folder keeps the last image within the budget, to compare with. */
async function keepBudget(
  { project, request, out }: Prepared,
  tree: (target: string) => string | undefined,
): Promise<void> {
  const report = tree("report");
  if (report === undefined) return;
  const packed = tree("zst");
  const [name = ""] = packed === undefined ? [] : await readdir(packed);
  await checkBudget({
    budget: request.project.budget,
    report,
    compressed: packed === undefined ? undefined : join(packed, name),
    before: out,
    place: project.merged.place(["budget"]),
  });
}

async function requireWritable(folder: string): Promise<void> {
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
};

/** What the output folder held after the last build, so that unchanged files are not copied again. */
type Published = Record<string, { digest: string; stamp: string; sha256: string; role: string }>;

const recordName = ".edgeimg.json";

interface PublishJob {
  readonly plan: Plan;
  readonly prepared: Prepared;
  readonly results: ReadonlyMap<string, StepResult>;
}

async function publish({ plan, prepared, results }: PublishJob): Promise<Artifact[]> {
  const { out, services } = prepared;
  const before = await readRecord(out);
  const record: Published = {};
  for (const [target, step] of Object.entries(plan.targets)) {
    const role = published[target];
    const digest = results.get(step)?.digest;
    if (role === undefined || digest === undefined) continue;
    for (const name of (await readdir(treePath(services.store, digest))).sort()) {
      const path = join(out, name);
      const known = before[name];
      if (known?.digest !== digest || known.stamp !== (await stampOf(path))) {
        await copyFile(join(treePath(services.store, digest), name), `${path}.new`, constants.COPYFILE_FICLONE);
        await rename(`${path}.new`, path);
        record[name] = { digest, role, stamp: await stampOf(path), sha256: await hashOf(path) };
      } else record[name] = known;
    }
  }
  const sums = Object.entries(record).map(([name, { sha256 }]) => `${sha256}  ${name}\n`);
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

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
