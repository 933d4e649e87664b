import { readFile } from "node:fs/promises";
import { request } from "undici";
import type { TestsConfig } from "../../config/tests-schema.js";
import type { BootedBoard } from "../../device/boot.js";
import { checkLines, differences } from "../../device/expect.js";
import { isNetworkStalled } from "../../device/network-probe.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { mediaType } from "../../formats/media-type.js";
import type { TestCheck } from "../types.js";

type HttpTest = TestsConfig["http"][number];

export interface TestJob {
  readonly board: Pick<BootedBoard, "waitFor" | "seen" | "httpPort">;
  readonly tests: TestsConfig;
  readonly localPath: (path: string) => string;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Milliseconds that the emulator's network may take to hand a byte on. */
  readonly patienceMs?: number;
}

export interface TestOutcome {
  readonly checks: readonly TestCheck[];
  /** False when the emulator's network hands nothing on, so that no request could be made. */
  readonly network: boolean;
}

/** Compares what a running board says and answers with a project's tests. */
export async function runTests(job: TestJob): Promise<TestOutcome> {
  const { board, tests, signal, now } = job;
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
  if (ready !== undefined || tests.http.length === 0 || board.httpPort === undefined) return { checks, network: true };
  // An emulated board may get its address long after a quick app is ready; QEMU itself gives up after 75 s.
  const { patienceMs = 60_000 } = job;
  const network = !(await isNetworkStalled(board.httpPort, { signal, patienceMs }));
  for (const test of tests.http) {
    const asked = now();
    const check = network
      ? await httpCheck(job, test)
      : { name: nameOf(test), passed: false, detail: "the emulated board's network hands nothing on" };
    checks.push({ ...check, ms: now() - asked });
  }
  return { checks, network };
}

function nameOf(test: HttpTest): string {
  return test.get === undefined ? `POST ${test.post} to ${pathOf(test)}` : `GET ${test.get}`;
}

function pathOf(test: HttpTest): string {
  return test.get ?? test.to ?? "/";
}

async function httpCheck({ board, localPath, signal }: TestJob, test: HttpTest): Promise<TestCheck> {
  const name = nameOf(test);
  try {
    const response = await request(`http://127.0.0.1:${board.httpPort}${pathOf(test)}`, {
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
