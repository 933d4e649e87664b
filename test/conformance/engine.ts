import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "../../src/api/session/prepare.js";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { modelSchema } from "../../src/config/model-schema.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { execute } from "../../src/execute/execute.js";
import { findKind } from "../../src/execute/kinds.js";
import { type NpyArray, writeNpy } from "../../src/formats/npy.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { type Comparison, compareOutputs, passes } from "../../src/model/compare.js";
import { givenTensor } from "../../src/model/given-tensor.js";
import { readRuns } from "../../src/model/kept-runs.js";
import type { Tensor } from "../../src/model/tensor.js";
import type { Plan, Step } from "../../src/plan/step.js";
import type { StepServices } from "../../src/steps/kind.js";
import { treePath } from "../../src/store/store.js";
import { quietContext } from "../helpers/context.js";
import type { NodeTest } from "./node-test.js";
import type { Outcome, Verdict } from "./outcome.js";

export interface Bench {
  readonly services: StepServices;
  /** Takes one test through the engine; several may run at once. */
  judge(name: string, test: NodeTest): Promise<Verdict>;
}

const board = "qemu-a72";
const model = "m";
const check = `model-check/${model}`;
/** The steps of a model itself; all others are made once, in the store. */
const ownStep = new RegExp(`(^|/)${model}(/|$)`);

/** An engine with all that its models are made and run by. `folder` keeps the lock; tests work in folders of their own below it. */
export async function openBench(engine: string, folder: string, signal: AbortSignal): Promise<Bench> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "main.ts"), "");
  await writeFile(join(folder, "m.onnx"), "");
  await writeFile(
    join(folder, "edgeimg.yaml"),
    `format: 1\nname: conformance\nboard: ${board}\napp: { entry: main.ts }\nmodels: { ${model}: { onnx: m.onnx } }\n`,
  );
  const context = { ...quietContext(folder, { env: process.env }), signal };
  const { request, lock, services } = await prepare(context, { board, engine, offline: false, locked: false });
  const planOf = (test: NodeTest): Plan => {
    const config = modelSchema.parse(configOf(test));
    return planImage({ ...request, project: { ...request.project, models: { [model]: config } } }, lock);
  };
  const shared = new Map<string, string>();
  const places: string[] = [];
  let made = 0;
  const { tolerance } = request.engine.recipe.model;
  return {
    services,
    async judge(name, test) {
      const place = places.shift() ?? `place-${made++}`;
      const work = join(folder, place);
      await rm(work, { recursive: true, force: true });
      try {
        await writeTest(work, test);
        const plan = localized(planOf(test), folder, work);
        await share(plan, shared, services);
        return { name, operator: test.operator, ...(await follow({ plan, shared, services, work, test, tolerance })) };
      } finally {
        await rm(work, { recursive: true, force: true });
        places.push(place);
      }
    },
  };
}

const inputFile = (index: number) => `in-${index}.npy`;

function configOf({ model: bytes, inputs }: NodeTest): object {
  const open = new Set(
    readOnnx(bytes).graph.inputs.flatMap(({ name, shape }) =>
      shape?.every((size) => typeof size === "number") ? [] : [name],
    ),
  );
  const given = [...inputs].flatMap(([name, array], index): [string, object][] => {
    if (array === undefined) return [];
    const dims = open.has(name) && array.shape.length > 0 && array.shape.every((size) => size > 0);
    return [[name, { test: { file: inputFile(index) }, ...(dims ? { dims: array.shape } : {}) }]];
  });
  return { onnx: "model.onnx", inputs: Object.fromEntries(given) };
}

async function writeTest(work: string, { model: bytes, inputs }: NodeTest): Promise<void> {
  await mkdir(work, { recursive: true });
  await writeFile(join(work, "model.onnx"), bytes);
  for (const [index, array] of [...inputs.values()].entries())
    if (array !== undefined) await writeFile(join(work, inputFile(index)), writeNpy(array));
}

/** The plan with the project's files taken from one test's folder. */
function localized(plan: Plan, folder: string, work: string): Plan {
  const steps = plan.steps.map((step): Step => {
    const { path } = step.params as { readonly path?: string };
    if (step.kind !== "local" || path === undefined || !ownStep.test(step.id)) return step;
    return { ...step, params: { ...step.params, path: path.replace(folder, work) } };
  });
  return { ...plan, steps };
}

/** Brings what all tests have in common to the store, once. */
async function share(plan: Plan, shared: Map<string, string>, services: StepServices): Promise<void> {
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  const needed: string[] = [];
  const look = (id: string) => {
    if (shared.has(id)) return;
    if (!ownStep.test(id)) needed.push(id);
    else for (const input of Object.values(steps.get(id)?.inputs ?? {})) look(input);
  };
  look(check);
  if (needed.length === 0) return;
  for (const [id, { digest }] of await execute({ ...plan, first: [] }, [...new Set(needed)], services))
    shared.set(id, treePath(services.store, digest));
}

interface Walk {
  readonly plan: Plan;
  readonly shared: ReadonlyMap<string, string>;
  readonly services: StepServices;
  readonly work: string;
  readonly test: NodeTest;
  readonly tolerance: number;
}

/** Runs a model's own steps in the plan's order, which is that of their inputs, up to the first that refuses it. */
async function follow(walk: Walk): Promise<Omit<Verdict, "name" | "operator">> {
  const { plan, shared, services, work } = walk;
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  const folders = new Map(shared);
  const make = async (id: string): Promise<string> => {
    const known = folders.get(id);
    if (known !== undefined) return known;
    const step = steps.get(id);
    if (step === undefined) throw new Error(`the plan has no step ${id}`);
    const inputs: Record<string, string> = {};
    for (const [name, input] of Object.entries(step.inputs)) inputs[name] = await make(input);
    const place = join(work, id.replaceAll("/", "-"));
    const out = join(place, "out");
    await mkdir(out, { recursive: true });
    folders.set(id, out);
    const context = { services, inputs, out, work: place, instead: [], progress: () => {}, log: () => {} };
    try {
      await findKind(step.kind)
        .bind(warmed(step, join(work, "..")))
        .run(context);
    } catch (error) {
      if (!(error instanceof EdgeimgError)) throw error;
      throw new Refusal(stage(step, place), error);
    }
    return out;
  };
  try {
    await make(check);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message, details = [] } = error.cause;
    const says = [message, ...details].join(" | ");
    return { outcome: error.outcome, why: code.replace(/^ERR_EDGEIMG_(MODEL_)?/, ""), says };
  }
  return await againstOnnx(walk, {
    actual: folders.get(`model-run/${model}`) ?? "",
    cases: folders.get(`model-cases/${model}`) ?? "",
  });
}

const warm = fileURLToPath(new URL("../../test/conformance/warm.py", import.meta.url));

/** A step's parameters; Python's modules, which a build imports anew each time, are imported once. `folder` has room for sockets. */
function warmed({ kind, params }: Step, folder: string): object {
  if (kind !== "run") return params;
  const { commands } = params as { readonly commands: readonly (readonly string[])[] };
  return { ...params, commands: commands.map((command) => warmedCommand(command, folder)) };
}

/** Programs that a converter's recipe runs by Python: interpreter, options, a line that begins them, folders, and a file. */
function warmedCommand(command: readonly string[], folder: string): readonly string[] {
  const [python = "", ...rest] = command;
  const at = rest.indexOf("-c");
  if (at < 0 || !python.endsWith("/python3") || rest[at + 3]?.endsWith(".py") !== true) return command;
  return [python, "-I", "-S", "-B", "-X", "utf8", warm, folder, ...rest.slice(at + 2)];
}

class Refusal extends Error {
  constructor(
    readonly outcome: Outcome,
    override readonly cause: EdgeimgError,
  ) {
    super(cause.message);
  }
}

/** Who refuses a model when a step fails. A converter that ran has left a log. */
function stage({ kind }: Step, place: string): Outcome {
  if (kind === "run") return existsSync(join(place, "log.txt")) ? "converter" : "before";
  if (kind === "run-model") return "engine";
  return kind === "check-model" ? "check" : "before";
}

/** A model that the build takes, against what ONNX expects of it. */
async function againstOnnx(
  { test, tolerance }: Walk,
  folders: { readonly actual: string; readonly cases: string },
): Promise<Omit<Verdict, "name" | "operator">> {
  const outputs = (await readRuns(folders.actual))[0]?.outputs ?? [];
  const reference = (await readRuns(folders.cases))[0]?.outputs ?? [];
  const expected = outputs.map((output): Tensor => {
    const array = test.outputs.get(output.name);
    if (array === undefined) throw new Error(`no values are expected of ${output.name}`);
    return goldenTensor(output, array);
  });
  const worst = (actual: readonly Tensor[]): Comparison | undefined =>
    compareOutputs(expected, actual, () => ({ metric: "agreement", tolerance })).find((one) => !passes(one));
  const differs = worst(outputs);
  if (differs === undefined) return { outcome: "passed", why: "" };
  const says = `${differs.name} ${differs.mismatch ?? `${differs.actual} instead of ${differs.reference}`}`;
  return { outcome: "wrong", why: `${says}${worst(reference) === undefined ? "" : "; so does the reference"}` };
}

function goldenTensor({ name, type }: Tensor, array: NpyArray): Tensor {
  return givenTensor(array, { name, type, called: name, key: [], isGolden: false });
}
