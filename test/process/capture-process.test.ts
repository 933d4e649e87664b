import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { captureProcess } from "../../src/process/capture-process.js";
import { startProcess } from "../../src/process/start-process.js";
import { bundleChild, startChild } from "../helpers/child.js";

const sh = (script: string) => ({ program: "/bin/sh", args: ["-c", script], env: { PATH: "/usr/bin:/bin" } });

/** Whether a process runs, one that has ended and that nobody asked for left aside. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

t.test("a program's environment is what it is given, and nothing else", async (t) => {
  process.env.EDGEIMG_SECRET = "seen";
  t.teardown(() => delete process.env.EDGEIMG_SECRET);
  const { stdout, failed } = await captureProcess({ program: "/usr/bin/env", args: [], env: { ONE: "1" } });
  // tap passes itself on to every program.
  t.same(
    stdout.split("\n").filter((line) => !/^(?:_TAPJS_|NODE_OPTIONS=|\/)/.test(line)),
    ["ONE=1"],
  );
  t.equal(failed, false);
});

t.test("what it says comes apart and as it came, and how it ended", async (t) => {
  const end = await captureProcess(sh("echo out; sleep 0.1; echo err >&2; exit 3"));
  t.match(end, {
    failed: true,
    exitCode: 3,
    reason: "exit code 3",
    stdout: "out",
    stderr: "err",
    all: "out\nerr",
  });
  t.match(await captureProcess(sh("kill -SEGV $$")), { failed: true, exitCode: undefined, reason: "SIGSEGV" });
});

t.test("a program that is not there, and arguments that are too long, are told, not thrown", async (t) => {
  t.match(await captureProcess({ program: "no-such-program", args: [], env: { PATH: "/nowhere" } }), {
    failed: true,
    code: "ENOENT",
    exitCode: undefined,
    stdout: "",
  });
  const long = { program: "/bin/true", args: ["x".repeat(1 << 22)], env: {} };
  t.match(await captureProcess(long), { failed: true, code: "E2BIG", exitCode: undefined });
});

t.test("a text and a file are its input, also when it ends before it has read them", async (t) => {
  t.equal((await captureProcess({ ...sh("wc -c"), stdin: { text: "x".repeat(1_000_000) } })).stdout.trim(), "1000000");
  t.match(await captureProcess({ ...sh("exit 0"), stdin: { text: "x".repeat(1_000_000) } }), { failed: false });
  const file = join(t.testdir({ file: "of a file" }), "file");
  t.equal((await captureProcess({ ...sh("cat"), stdin: { file } })).stdout, "of a file");
  t.match(await captureProcess({ ...sh("cat"), stdin: { file: `${file}.absent` } }), { failed: true, code: "ENOENT" });
});

t.test("a file takes its output; one that cannot be written is a failure of its own", async (t) => {
  const file = join(t.testdir(), "out");
  const { failed } = await startProcess({ ...sh("echo text"), stdout: { file } }).ended;
  t.equal(failed, false);
  t.equal(readFileSync(file, "utf8"), "text\n");
  const full = await startProcess({ ...sh("while :; do echo y; done"), stdout: { file: "/dev/full" } }).ended;
  t.match(full, { failed: true, code: "ENOSPC" });
});

t.test("an abort ends it with all that it started, and is thrown", async (t) => {
  const file = join(t.testdir(), "pid");
  writeFileSync(file, "");
  const controller = new AbortController();
  const script = `sleep 60 & echo $! >${file}; wait`;
  const run = captureProcess({ ...sh(script), signal: controller.signal });
  for (let looks = 0; readFileSync(file, "utf8") === "" && looks < 1000; looks++) await sleep(5);
  const child = Number(readFileSync(file, "utf8"));
  t.ok(runs(child), "what it started runs");
  controller.abort(new Error("interrupted"));
  await t.rejects(run, { message: "interrupted" });
  t.notOk(runs(child), "and does not any more");
});

t.test("one that tidies up is asked first, and killed when it does not end", async (t) => {
  const tidy = startProcess({ ...sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"), graceMs: 60_000 });
  tidy.stdout?.once("data", () => tidy.end());
  t.equal((await tidy.ended).exitCode, 7);
  const stubborn = startProcess({ ...sh("trap '' TERM; echo ready; while :; do sleep 0.01; done"), graceMs: 50 });
  stubborn.stdout?.once("data", () => stubborn.end());
  t.equal((await stubborn.ended).signal, "SIGKILL");
});

t.test("time and memory are bounded", async (t) => {
  t.match(await captureProcess({ ...sh("sleep 60"), timeoutMs: 50 }), { failed: true, signal: "SIGKILL" });
  const flood = await captureProcess({ ...sh("while :; do echo yyyyyyyyyyyyyyyy; done"), maxBytes: 100_000 });
  t.match(flood, { failed: true, reason: "it said more than 100000 bytes" });
  t.ok(flood.stdout.length <= 100_000);
});

t.test("no program outlives this one, whatever way it leaves", async (t) => {
  const folder = t.testdir();
  const child = startChild(await bundleChild(new URL("../helpers/leaving-child.ts", import.meta.url), folder), []);
  const pid = Number(await child.printed(/^\d+$/));
  t.equal(await child.ended, 130);
  for (let looks = 0; runs(pid) && looks < 1000; looks++) await sleep(5);
  t.notOk(runs(pid));
});
