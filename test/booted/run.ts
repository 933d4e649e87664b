import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildStep } from "../../src/api/build/build-step.js";
import { prepare } from "../../src/api/session/prepare.js";
import { hostReference } from "../../src/catalog/check.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { comparedRuns } from "../../src/model/compared-runs.js";
import { numbers, type Tensor } from "../../src/model/tensor.js";
import { fixShapes } from "../e2e/fix-shapes.js";
import { hasFixedShapes } from "../e2e/proven.js";
import { quietContext } from "../helpers/context.js";
import { fixedShapes } from "./plan.js";
import type { Key, ModelError, Result } from "./result.js";

export interface Running {
  /** The program, as it was built. */
  readonly program: string;
  /** Where projects are made, and removed after their run. */
  readonly folder: string;
  /** The lock that a project begins with, when it is there, and leaves to the next one: the distribution is asked once. */
  readonly lock: string;
}

/** Writes the example as users get it, builds its image, boots it, and looks how far its models are off. */
export async function runExample({ example, engine, board }: Key, running: Running): Promise<Result> {
  const { program, folder, lock } = running;
  const project = join(folder, example);
  await rm(project, { recursive: true, force: true });
  await edgeimg(program, ["init", project, "--example", example], folder);
  const own = fixedShapes[example];
  const fixed = own !== undefined && hasFixedShapes(engine) ? own : undefined;
  for (const [model, shapes] of Object.entries(fixed ?? {})) await fixShapes(project, model, shapes);
  await waitLong(project);
  const projectLock = join(project, "edgeimg.lock");
  if (existsSync(lock)) await copyFile(lock, projectLock);
  const tested = await edgeimg(program, ["test", "--board", board, "--engine", engine, "--json"], project);
  if (existsSync(projectLock)) await copyFile(projectLock, lock);
  const context = quietContext(project, { env: process.env });
  const options = { board, engine, offline: false, locked: false };
  const { request } = await prepare(context, options);
  const row = { example, engine, board, version: request.engine.recipe.version };
  const report = tested.lines.find(({ command }) => command === "test");
  if (!Array.isArray(report?.checks)) return { ...row, refused: refusalOf(tested.lines) };
  const checks: readonly { readonly passed: boolean; readonly name: string; readonly detail?: string }[] =
    report.checks;
  for (const { passed, name, detail } of checks) if (!passed) console.error(`failed: ${name}: ${detail}`);
  const made = async (step: string) => (await buildStep(context, { ...options, step })).path;
  const models: ModelError[] = [];
  for (const model of Object.keys(request.project.models)) models.push(await errorOf(model, made));
  return {
    ...row,
    checks: { passed: checks.filter(({ passed }) => passed).length, of: checks.length },
    models,
    ...(fixed === undefined ? {} : { fixed }),
  };
}

/** A machine with other things to do is no result of an example's: its app gets an hour to start. */
async function waitLong(project: string): Promise<void> {
  const file = join(project, "edgeimg.yaml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^( +timeout:) \d+/m, "$1 3600"));
}

/** The largest difference of all outputs, out of the tensors that the build's check judged. */
async function errorOf(model: string, made: (step: string) => Promise<string>): Promise<ModelError> {
  const { runs, against } = await comparedRuns({
    cases: await made(`model-cases/${model}`),
    actual: await made(`model-run/${model}`),
    golden: () => made(`model-outputs/${model}`),
  });
  const found = runs.flatMap(({ expected, outputs }) =>
    outputs.map(({ name, maxAbsolute }) => ({
      error: maxAbsolute,
      of: largest(expected.find((one) => one.name === name)),
    })),
  );
  const [worst] = found.sort((a, b) => b.error - a.error);
  if (worst === undefined || !Number.isFinite(worst.error)) throw new Error(`nothing of model ${model} was compared`);
  // Further digits depend on the processor of the host.
  return {
    model,
    against: against === "reference" ? hostReference : against,
    error: short(worst.error),
    of: short(worst.of),
  };
}

const short = (value: number) => Number(value.toPrecision(2));

function largest(tensor: Tensor | undefined): number {
  let most = 0;
  for (const value of Array.from(tensor === undefined ? [] : numbers(tensor))) most = Math.max(most, Math.abs(value));
  return most;
}

function refusalOf(lines: readonly Record<string, unknown>[]): { code: string; message: string } {
  const error = lines.map((line) => line.error ?? line).find((one) => isError(one));
  if (!isError(error) || !error.code.startsWith("ERR_EDGEIMG_MODEL_"))
    throw new EdgeimgError("ERR_EDGEIMG_STEP_FAILED", "the image was neither booted nor its model refused", {
      details: lines.slice(-3).map((line) => JSON.stringify(line)),
    });
  return { code: error.code, message: error.message };
}

function isError(value: unknown): value is { code: string; message: string } {
  if (typeof value !== "object" || value === null) return false;
  return "code" in value && typeof value.code === "string" && "message" in value && typeof value.message === "string";
}

interface Ran {
  readonly code: number | null;
  readonly lines: readonly Record<string, unknown>[];
}

/** Runs the program to its end. */
async function edgeimg(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = { ...process.env, CI: "true" };
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve).on("error", reject);
  });
  return { code, lines: text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : [])) };
}
