import { readFile } from "node:fs/promises";
import { request } from "undici";
import type { TestsConfig } from "../config/tests-schema.js";
import type { BootedBoard } from "../device/boot.js";
import { checkLines, differences } from "../device/expect.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { withBoard } from "./run.js";
import type { BuildOptions, Context, TestCheck, TestReport } from "./types.js";

/** Builds what is missing, boots the very image, and compares its console lines and HTTP answers with the project's `tests`. */
export async function testImage(context: Context, options: BuildOptions): Promise<TestReport> {
  const started = context.now();
  let checks: TestCheck[] = [];
  let boardName = "";
  let engine = "";
  await withBoard(context, options, async (board, built) => {
    const { request: image } = built.prepared;
    const { tests } = image.project;
    boardName = image.board.name;
    engine = image.engine.recipe.name;
    checks = await runTests({ board, tests, localPath: image.localPath, signal: context.signal });
  });
  for (const { name, passed, detail } of checks) {
    context.emit({ type: "check", name, passed, ...(detail === undefined ? {} : { detail }) });
  }
  return { board: boardName, engine, checks, ms: context.now() - started };
}

export interface TestJob {
  readonly board: BootedBoard;
  readonly tests: TestsConfig;
  readonly localPath: (path: string) => string;
  readonly signal: AbortSignal;
}

export async function runTests({ board, tests, localPath, signal }: TestJob): Promise<TestCheck[]> {
  const checks: TestCheck[] = [];
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
    for (const test of tests.http) checks.push(await httpCheck({ board, test, localPath, signal }));
  return checks;
}

async function httpCheck({
  board,
  test,
  localPath,
  signal,
}: Omit<TestJob, "tests"> & { readonly test: TestsConfig["http"][number] }): Promise<TestCheck> {
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
