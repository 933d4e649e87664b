import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import type { TestsConfig } from "../config/tests-schema.js";
import type { BootedBoard } from "../device/boot.js";
import { checkLines, differences } from "../device/expect.js";
import { isNetworkStalled } from "../device/network-probe.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { TestCheck } from "./types.js";

export interface TestJob {
  readonly board: Pick<BootedBoard, "waitFor" | "seen" | "httpPort">;
  readonly tests: TestsConfig;
  readonly localPath: (path: string) => string;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Milliseconds without an answer before the network is looked at, and that it gets for a byte. */
  readonly network?: { readonly everyMs: number; readonly patienceMs: number };
}

/**
 * Compares what a running board says and answers with a project's tests.
 * Throws ERR_EDGEIMG_DEVICE_NETWORK when the emulator's network hands nothing on.
 */
export async function runTests(job: TestJob): Promise<TestCheck[]> {
  const { board, tests, now } = job;
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
      const check = await httpCheck(job, test);
      checks.push({ ...check, ms: now() - asked });
    }
  return checks;
}

async function httpCheck(job: TestJob, test: TestsConfig["http"][number]): Promise<TestCheck> {
  const { board, localPath } = job;
  const path = test.get ?? test.to ?? "/";
  const name = test.get === undefined ? `POST ${test.post} to ${path}` : `GET ${path}`;
  const watch = watchNetwork(job);
  try {
    const response = await request(`http://127.0.0.1:${board.httpPort}${path}`, {
      signal: watch.signal,
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
    watch.signal.throwIfAborted();
    return { name, passed: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    watch.end();
  }
}

/** Looks at the board's network while an answer is waited for; `signal` fires when the job is stopped or the network has. */
function watchNetwork({ board, signal, network = { everyMs: 20_000, patienceMs: 10_000 } }: TestJob): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const stop = new AbortController();
  const stalled = new AbortController();
  const watch = async (): Promise<void> => {
    for (;;) {
      await sleep(network.everyMs, undefined, { signal: stop.signal });
      const probe = { signal: stop.signal, patienceMs: network.patienceMs };
      if (board.httpPort !== undefined && (await isNetworkStalled(board.httpPort, probe))) {
        const message = "The emulated board's network hands nothing on.";
        stalled.abort(new EdgeimgError("ERR_EDGEIMG_DEVICE_NETWORK", message, { hint: "Run again." }));
        return;
      }
    }
  };
  // Ends by `stop` in all other cases.
  watch().catch(() => {});
  return { signal: AbortSignal.any([signal, stalled.signal]), end: () => stop.abort() };
}

function mediaType(file: string): string {
  if (/\.jpe?g$/i.test(file)) return "image/jpeg";
  if (/\.png$/i.test(file)) return "image/png";
  return "application/octet-stream";
}
