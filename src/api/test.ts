import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { request } from "undici";
import type { TestsConfig } from "../config/tests-schema.js";
import type { BootedBoard } from "../device/boot.js";
import { checkLines, differences } from "../device/expect.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type JunitSuite, junitXml } from "../report/junit.js";
import { buildPrepared } from "./build.js";
import { withBoard } from "./run.js";
import type { Context, TestCheck, TestOptions, TestReport } from "./types.js";

/**
 * Builds what is missing, boots the very image, as often as asked, and compares its console lines and HTTP answers with the project's
 * `tests`.
 */
export async function testImage(context: Context, options: TestOptions): Promise<TestReport> {
  const started = context.now();
  const { junit, repeat = 1 } = options;
  const built = await buildPrepared(context, options);
  const { board, engine, localPath, project } = built.prepared.request;
  const suites: JunitSuite[] = [];
  const image = `${board.name}-${engine.recipe.name}`;
  for (let boot = 1; boot <= repeat; boot++) {
    const began = context.now();
    const suite = await withBoard(context, { built }, async (running) => {
      const cases = await runTests({
        board: running,
        tests: project.tests,
        localPath,
        signal: context.signal,
        now: context.now,
      });
      return { cases, output: running.seen().map(({ text }) => text) };
    });
    const name = repeat === 1 ? image : `${image} boot ${boot}`;
    const properties = { project: project.name, board: board.name, engine: engine.recipe.name };
    suites.push({ ...suite, name, group: image, properties, ms: context.now() - began });
    for (const { name, passed, detail } of suite.cases)
      context.emit({ type: "check", name, passed, ...(detail === undefined ? {} : { detail }) });
  }
  if (junit !== undefined) await writeReport(resolve(context.cwd, junit), junitXml(project.name, suites));
  return {
    board: board.name,
    engine: engine.recipe.name,
    checks: suites.flatMap(({ cases }) => cases),
    boots: repeat,
    ms: context.now() - started,
  };
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${file} cannot be written.`, {
      cause,
      hint: "Name another file with --junit, or give yourself rights to its folder.",
    });
  }
}

export interface TestJob {
  readonly board: BootedBoard;
  readonly tests: TestsConfig;
  readonly localPath: (path: string) => string;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export async function runTests({ board, tests, localPath, signal, now }: TestJob): Promise<TestCheck[]> {
  const checks: TestCheck[] = [];
  const started = now();
  const ready = await board
    .waitFor((line) => line.milestone?.name === "ready" || line.milestone?.name === "app-error", tests.timeout * 1000)
    .then(
      (line) => (line.milestone?.name === "ready" ? undefined : line.text),
      (error: unknown) => {
        if (error instanceof EdgeimgError && error.code !== "ERR_EDGEIMG_INTERRUPTED") return error.message;
        throw error;
      },
    );
  checks.push({
    name: "the app starts",
    passed: ready === undefined,
    ms: now() - started,
    ...(ready === undefined ? {} : { detail: ready }),
  });
  const report = checkLines(board.seen(), tests.expect, { ordered: false });
  for (const check of report.checks) {
    const name = `line ${JSON.stringify(check.pattern)}`;
    if (check.line !== undefined) checks.push({ name, passed: true });
    else {
      const near = check.nearest;
      const detail =
        near === undefined
          ? "no line of the console is like it"
          : `nearest: ${near.line.text.slice(0, 300)}; ${near.differences.map((one) => `${one.path} is ${JSON.stringify(one.found)}`).join(", ")}`;
      checks.push({ name, passed: false, detail });
    }
  }
  if (ready === undefined)
    for (const test of tests.http) {
      const asked = now();
      const check = await httpCheck({ board, test, localPath, signal });
      checks.push({ ...check, ms: now() - asked });
    }
  return checks;
}

async function httpCheck({
  board,
  test,
  localPath,
  signal,
}: Omit<TestJob, "tests" | "now"> & { readonly test: TestsConfig["http"][number] }): Promise<TestCheck> {
  const path = test.get ?? test.to ?? "/";
  const name = test.get === undefined ? `POST ${test.post} to ${path}` : `GET ${path}`;
  try {
    const response = await request(`http://127.0.0.1:${board.httpPort}${path}`, {
      signal,
      headersTimeout: 240_000,
      bodyTimeout: 240_000,
      ...(test.post === undefined
        ? {}
        : {
            method: "POST" as const,
            body: await readFile(localPath(test.post)),
            headers: { "content-type": mediaType(test.post) },
          }),
    });
    const text = await response.body.text();
    if (response.statusCode !== test.status)
      return { name, passed: false, detail: `status ${response.statusCode}: ${text.slice(0, 200)}` };
    if (test.expect === undefined) return { name, passed: true };
    const found = differences(test.expect, JSON.parse(text));
    if (found.length === 0) return { name, passed: true };
    return {
      name,
      passed: false,
      detail: found
        .map((one) => `${one.path} is ${JSON.stringify(one.found)}, expected ${JSON.stringify(one.expected)}`)
        .join("; "),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { name, passed: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function mediaType(file: string): string {
  if (/\.jpe?g$/i.test(file)) return "image/jpeg";
  if (/\.png$/i.test(file)) return "image/png";
  return "application/octet-stream";
}
