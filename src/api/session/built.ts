import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { StepResult } from "../../execute/run-step.js";
import type { ImageRequest } from "../../image/request.js";
import type { Plan } from "../../plan/step.js";
import { engineSize } from "../../report/engine-size.js";
import { manifestSchema } from "../../report/manifest.js";
import { withLock } from "../../store/lock.js";
import { lockFolder, treePath } from "../../store/store.js";
import type { BuildResult, Context } from "../types.js";
import type { Prepared } from "./prepare.js";
import { type Outcome, publish } from "./publish.js";

/** A build's result, and the folder of the QEMU root that belongs to it. */
export interface Built {
  readonly result: BuildResult;
  readonly prepared: Prepared;
  readonly qemuRoot: string;
  readonly image: string;
  /** Of edgeimg's own builder. */
  readonly outcome?: Outcome & { readonly plan: Plan };
}

/** Publishes an image and tells each of its files; `started` is when the build began, in the context's milliseconds. */
export async function publishBuilt(context: Context, outcome: Outcome, started: number): Promise<Built> {
  const { prepared, steps, results } = outcome;
  const { project, request, services, out } = prepared;
  // Another build may end in the same folder at the same time.
  const lock = { folder: lockFolder(services.store), key: `out/${out}`, signal: context.signal };
  const artifacts = await withLock(lock, () => publish(outcome, context));
  for (const artifact of artifacts) context.emit({ type: "artifact", ...artifact });
  return {
    prepared,
    image: artifacts.find(({ role }) => role === "image")?.path ?? "",
    qemuRoot: join(outcomeTree(outcome, "qemu") ?? "", "root"),
    result: {
      artifacts,
      board: request.board.name,
      engine: request.engine.recipe.name,
      boards: project.merged.boards,
      out,
      engineSize: await reducedSize(request, artifacts),
      ...countSteps(steps.flatMap((id) => results.get(id) ?? [])),
      ms: context.now() - started,
    },
  };
}

/** What an engine of the models' operators adds to the image, and what the whole one does; undefined for a whole one. */
async function reducedSize(
  { ops, engine, board }: Pick<ImageRequest, "ops" | "engine" | "board">,
  artifacts: BuildResult["artifacts"],
): Promise<BuildResult["engineSize"]> {
  const manifest = artifacts.find(({ path }) => basename(path) === "manifest.json");
  if (ops === "all" || manifest === undefined) return undefined;
  const bytes = engineSize(manifestSchema.parse(JSON.parse(await readFile(manifest.path, "utf8"))));
  return { bytes, whole: engine.recipe.proven.size[board.cpu] };
}

/** The folder of a target's result. */
export function outcomeTree({ prepared, targets, results }: Outcome, target: string): string | undefined {
  const digest = results.get(targets[target] ?? "")?.digest;
  return digest === undefined ? undefined : treePath(prepared.services.store, digest);
}

export function countSteps(steps: readonly StepResult[]): Pick<BuildResult, "cachedSteps" | "ranSteps"> {
  const cachedSteps = steps.filter(({ cached }) => cached).length;
  return { cachedSteps, ranSteps: steps.length - cachedSteps };
}
