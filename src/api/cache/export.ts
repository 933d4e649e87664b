import { createWriteStream, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { targetName } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { findKind } from "../../execute/kinds.js";
import type { StepResult } from "../../execute/run-step.js";
import { type ArchiveEntry, writeTar } from "../../formats/tar-writer.js";
import { sha256Text } from "../../ground/canonical.js";
import { formatLock } from "../../lock/lock-file.js";
import { type CarriedSteps, carriedSteps } from "../../plan/carried.js";
import { mergePlans } from "../../plan/merge.js";
import type { Plan } from "../../plan/step.js";
import { fetchedFiles } from "../../steps/fetch.js";
import { type ArchiveIndex, archiveIndexName, formatIndex, sortedRecord } from "../../store/archive.js";
import { readTree, type Store, treePath } from "../../store/store.js";
import { treeTime } from "../../store/tree.js";
import { type Prepared, prepareMatrix } from "../session/prepare.js";
import type { CacheArchiveResult, Context, ExportOptions } from "../types.js";
import { archiveResult } from "./archive-result.js";

/** Kinds that only lay out what was fetched: seconds of work, and several times as large as the downloads. */
const remade = new Set(["fetch", "unpack", "root"]);

/**
 * Writes what the builds of a project's matrix need into one file: every download of the lock, and the finished steps that do not depend
 * on the project's own files. What is missing is fetched and built first. The same store content gives the same bytes.
 */
export async function cacheExport(context: Context, options: ExportOptions): Promise<CacheArchiveResult> {
  const prepared = await prepareMatrix(context, options);
  const [first] = prepared;
  if (first === undefined) throw new Error("there is nothing to export");
  const { plan } = mergePlans(
    prepared.map(({ request, lock }) => ({
      name: targetName({ board: request.board.name, engine: request.engine.recipe.name }),
      plan: makePlan(request, lock),
    })),
  );
  context.emit({ type: "plan", steps: plan.steps.length });
  const fetches = plan.steps.filter(({ kind }) => kind === "fetch").map(({ id }) => id);
  const steps = carriedSteps(plan, {
    isOwn: ({ kind, params }) => kind === "local" && isBelow(String(Reflect.get(params, "path")), first.project.folder),
    isRemade: ({ kind }) => remade.has(kind) || (findKind(kind).volatile ?? false),
  });
  const results = await execute(plan, [...fetches, ...steps.carried], first.services);
  const { store } = first.services;
  const { index, sources } = await collect({ plan, results, steps, prepared: first });
  const file = resolve(context.cwd, options.file);
  await writeArchive(file, entriesOf(store, index, sources), context.signal);
  return archiveResult(file, index);
}

function isBelow(path: string, folder: string): boolean {
  return resolve(path) === folder || resolve(path).startsWith(`${folder}/`);
}

/** The archive's index, and where in the store each object lies. */
async function collect(job: {
  readonly plan: Plan;
  readonly results: ReadonlyMap<string, StepResult>;
  readonly steps: CarriedSteps;
  readonly prepared: Prepared;
}): Promise<{ index: ArchiveIndex; sources: ReadonlyMap<string, string> }> {
  const { plan, results, steps, prepared } = job;
  const { store } = prepared.services;
  const objects = new Map<string, { size: number; name: string }>();
  const sources = new Map<string, string>();
  const add = (sha256: string, size: number, name: string, path: string) => {
    if (objects.has(sha256)) return;
    objects.set(sha256, { size, name });
    sources.set(sha256, path);
  };
  const blobs = new Set<string>();
  const trees: [string, ArchiveIndex["trees"][string]][] = [];
  const actions: [string, string][] = [];
  for (const { id, kind, params } of plan.steps) {
    const result = results.get(id);
    if (result === undefined || findKind(kind).volatile || !steps.portable.has(id)) continue;
    actions.push([result.action, result.digest]);
    if (kind !== "fetch" && !steps.carried.has(id)) continue;
    const folder = treePath(store, result.digest);
    const { entries } = await readTree(store, result.digest);
    for (const { type, path, hash, size } of entries) {
      if (type === "f" || type === "x")
        add(hash, size, kind === "fetch" ? path : `${path} of ${id}`, join(folder, path));
    }
    if (kind === "fetch") for (const { sha256 } of fetchedFiles(params)) blobs.add(sha256);
    else trees.push([result.digest, entries.map(({ type, path, hash }) => [type, path, hash])]);
  }
  return {
    sources,
    index: {
      format: 1,
      lock: sha256Text(formatLock(prepared.lock)),
      objects: sortedRecord(objects),
      blobs: [...blobs].sort(),
      trees: sortedRecord(trees),
      actions: sortedRecord(actions),
    },
  };
}

function* entriesOf(store: Store, index: ArchiveIndex, sources: ReadonlyMap<string, string>): Generator<ArchiveEntry> {
  yield { type: "file", path: archiveIndexName, mode: 0o644, data: Buffer.from(formatIndex(index)) };
  for (const sha256 of Object.keys(index.objects)) {
    const data = readFileSync(sources.get(sha256) ?? join(store.root, "blobs", sha256));
    if (sha256Text(data) !== sha256) {
      throw new EdgeimgError("ERR_EDGEIMG_STORE_CORRUPT", `Object ${sha256} of the store is not what its name says.`, {
        hint: "Run `edgeimg cache verify`, then export again.",
      });
    }
    yield { type: "file", path: `objects/${sha256}`, mode: 0o644, data };
  }
}

async function writeArchive(file: string, entries: Iterable<ArchiveEntry>, signal: AbortSignal): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await pipeline(Readable.from(writeTar(entries, treeTime)), createWriteStream(draft), { signal });
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    const isRefused =
      cause instanceof Error && "code" in cause && ["EACCES", "EROFS", "ENOTDIR", "EPERM"].includes(String(cause.code));
    if (!isRefused) throw cause;
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${file} cannot be written.`, {
      cause,
      hint: "Name another file, or give yourself rights to its folder.",
    });
  }
}
