import t from "tap";
import { errorRecord, errorText } from "../../src/cli/render/error.js";
import { jsonRenderer } from "../../src/cli/render/json.js";
import { plainRenderer } from "../../src/cli/render/plain.js";
import { progressBoard } from "../../src/cli/render/progress-board.js";
import { bytesText, durationText, printable, progressText, table, wrap } from "../../src/cli/render/words.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import type { BuildEvent } from "../../src/ground/events.js";

const digest = "ab".repeat(32);

/** Events with the time at which each comes. */
const events: readonly (readonly [number, BuildEvent])[] = [
  [0, { type: "plan", steps: 4 }],
  [1, { type: "step-start", step: "a", title: "fetch ncnn" }],
  [5000, { type: "step-progress", step: "a", done: 1_000_000, total: 4_000_000, unit: "bytes" }],
  [12000, { type: "step-progress", step: "a", done: 3_000_000, total: 4_000_000, unit: "bytes" }],
  [16000, { type: "step-end", step: "a", title: "fetch ncnn", cached: false, ms: 15999, digest }],
  [16001, { type: "step-end", step: "b", title: "unpack tools", cached: true, ms: 3, digest }],
  [16002, { type: "log", level: "debug", message: "detail" }],
  [16002, { type: "log", level: "info", message: "lock written" }],
  [16002, { type: "log", level: "warn", message: "debug shell \u001b[31mopen\u001b[0m" }],
  [16003, { type: "step-start", step: "c", title: "compile ncnn" }],
  [90000, { type: "step-failed", step: "c", title: "compile ncnn", message: "cc1plus ended with 1" }],
  [90001, { type: "milestone", name: "boot", fields: { uptimeMs: 2310 } }],
  [90002, { type: "check", name: "result hello.png", passed: true }],
  [90003, { type: "check", name: "result bye.png", passed: false, detail: 'text is ["BVE"]' }],
  [90004, { type: "console", line: "\u001b[2J[    0.000000] Booting Linux" }],
];

async function plainLines(level: "quiet" | "normal" | "verbose"): Promise<readonly string[]> {
  let text = "";
  let now = 0;
  const renderer = plainRenderer({ write: (part) => (text += part), now: () => now, color: false, level });
  for (const [at, event] of events) {
    now = at;
    renderer.emit(event);
  }
  await renderer.finish();
  return text.split("\n").slice(0, -1);
}

t.test("plain lines: what came from the cache is told before the board speaks, not after Ctrl-C", async (t) => {
  const lines: string[] = [];
  const renderer = plainRenderer({
    write: (text) => lines.push(text.trimEnd()),
    now: () => 0,
    color: false,
    level: "normal",
  });
  renderer.emit({ type: "step-end", step: "a", title: "A", cached: true, ms: 0, digest: "" });
  renderer.emit({ type: "console", line: "booting" });
  await renderer.finish();
  t.strictSame(lines, ["1 of 1 steps from cache", "booting"]);
});

t.test("plain lines: what ended, long steps' progress, warnings, checks", async (t) => {
  t.same(await plainLines("normal"), [
    "[0/4] fetch ncnn: 3.0 MB of 4.0 MB",
    "[1/4] fetch ncnn 16 s",
    "lock written",
    "warning: debug shell open",
    "failed: compile ncnn",
    "pass  result hello.png",
    'FAIL  result bye.png: text is ["BVE"]',
    "1 of 2 steps from cache",
    "[    0.000000] Booting Linux",
  ]);
});

t.test("verbose adds cached steps, digests and details", async (t) => {
  const lines = await plainLines("verbose");
  t.ok(lines.includes("[2/4] unpack tools from cache"));
  t.ok(lines.includes(`        ${digest}`));
  t.ok(lines.includes("detail"));
  t.ok(lines.includes('boot {"uptimeMs":2310}'));
});

t.test("quiet leaves warnings, failed checks and the console", async (t) => {
  t.same(await plainLines("quiet"), [
    "warning: debug shell open",
    'FAIL  result bye.png: text is ["BVE"]',
    "[    0.000000] Booting Linux",
  ]);
});

t.test("json: one event a line, as it came", async (t) => {
  let text = "";
  const renderer = jsonRenderer((part) => (text += part));
  for (const [, event] of events) renderer.emit(event);
  await renderer.finish();
  t.same(
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    events.map(([, event]) => event),
  );
  t.notOk(text.includes("\u001b"), "control characters are escaped");
});

t.test("the live board counts, estimates and keeps what took long", async (t) => {
  const board = progressBoard(0);
  const lines = events.flatMap(([at, event]) => board.take(event, at) ?? []);
  t.same(lines, ["fetch ncnn  16 s", "failed: compile ncnn"]);
  t.equal(board.header(100_000), "2 of 4 steps, 1 from cache, 1 min 40 s");
  board.take({ type: "step-start", step: "d", title: "compile" }, 100_000);
  board.take({ type: "step-progress", step: "d", done: 10, total: 40, unit: "files" }, 110_000);
  t.same(board.running(110_000), ["compile  10 of 40 files  30 s left"]);
  t.equal(board.header(110_000), "2 of 4 steps, 1 from cache, 1 min 50 s, at least 30 s left");
});

t.test("an error is a few lines and never a stack trace, unless asked", async (t) => {
  const error = new EdgeimgError("ERR_EDGEIMG_CONFIG_INVALID", "unknown key `modles`.", {
    place: { file: "edgeimg.yaml", line: 4, column: 1 },
    details: ["edgeimg.yaml:5:1: another", "\u001b]0;title\u0007x"],
    hint: "Read the reference.",
  });
  t.equal(
    errorText(error, { color: false, verbose: false }),
    `error ERR_EDGEIMG_CONFIG_INVALID: unknown key \`modles\`.
  at edgeimg.yaml:4:1
  edgeimg.yaml:5:1: another
  ]0;titlex
  help: Read the reference.
  more: edgeimg explain ERR_EDGEIMG_CONFIG_INVALID
`,
  );
  t.match(errorText(error, { color: false, verbose: true }), /\n {4}at /);
  t.same(errorRecord(error), {
    type: "error",
    code: "ERR_EDGEIMG_CONFIG_INVALID",
    message: "unknown key `modles`.",
    place: { file: "edgeimg.yaml", line: 4, column: 1 },
    details: ["edgeimg.yaml:5:1: another", "\u001b]0;title\u0007x"],
    hint: "Read the reference.",
    exitCode: 1,
  });
});

t.test("a long list of details is cut", async (t) => {
  const details = Array.from({ length: 100 }, (_, index) => `line ${index}`);
  const text = errorText(new EdgeimgError("ERR_EDGEIMG_STEP_FAILED", "x", { details }), {
    color: false,
    verbose: false,
  });
  t.match(text, /line 29\n {2}\(70 more lines with --verbose\)\n/);
});

t.test("words", async (t) => {
  t.equal(bytesText(999), "999 B");
  t.equal(bytesText(1500), "1.5 kB");
  t.equal(bytesText(999_960), "1.0 MB");
  t.equal(bytesText(28_400_000), "28.4 MB");
  t.equal(bytesText(268_435_456), "268 MB");
  t.equal(durationText(430), "0.4 s");
  t.equal(durationText(59_400), "59 s");
  t.equal(durationText(59_600), "1 min 00 s");
  t.equal(durationText(185_000), "3 min 05 s");
  t.equal(progressText({ done: 3, total: undefined, unit: "files" }), "3 files");
  t.equal(progressText({ done: 10, total: undefined, unit: "bytes" }), "10 B");
  t.equal(
    table([
      ["a", "bb"],
      ["ccc", ""],
    ]),
    "a    bb\nccc\n",
  );
  t.equal(wrap("one two three", "  ", 10), "  one two\n  three");
  t.equal(printable("a\u001b[1;31mb\u0000\u009b1mc\r"), "ab1mc");
});

t.test("plain lines of an app on this machine: its own, and of the builds behind it what matters", async (t) => {
  const told: readonly BuildEvent[] = [
    { type: "step-end", step: "a", title: "compile edge-run", cached: false, ms: 2000, digest },
    { type: "app-started", url: "http://127.0.0.1:8080/", changed: [], ms: 2100 },
    { type: "console", line: '{"edgeimg":"ready"}' },
    { type: "plan", steps: 1 },
    { type: "step-start", step: "b", title: "bundle" },
    { type: "step-end", step: "b", title: "bundle", cached: false, ms: 300, digest },
    { type: "app-started", url: "http://127.0.0.1:8080/", changed: ["src/a.ts", "src/b.ts", "src/c.ts"], ms: 1900 },
    { type: "step-failed", step: "b", title: "bundle", message: "no" },
    {
      type: "app-kept",
      changed: ["src/a.ts"],
      isRunning: true,
      problem: {
        code: "ERR_EDGEIMG_APP_BUNDLE",
        message: "no",
        place: { file: "src/a.ts", line: 3, column: 7 },
        hint: "mend",
      },
    },
    { type: "app-ended", reason: "exit code 1" },
    {
      type: "app-kept",
      changed: ["edgeimg.yaml"],
      isRunning: false,
      problem: { code: "ERR_EDGEIMG_USAGE", message: "x" },
    },
  ];
  const text = (level: "quiet" | "normal"): string => {
    let written = "";
    const renderer = plainRenderer({ write: (part) => (written += part), now: () => 0, color: false, level });
    for (const event of told) renderer.emit(event);
    return written;
  };
  const failed = `error ERR_EDGEIMG_APP_BUNDLE: no
  at src/a.ts:3:7
  help: mend
  more: edgeimg explain ERR_EDGEIMG_APP_BUNDLE
src/a.ts: the app goes on as it was until this builds
the app ended (exit code 1); it starts again when a file changes
error ERR_EDGEIMG_USAGE: x
  more: edgeimg explain ERR_EDGEIMG_USAGE
edgeimg.yaml: the app starts when this builds
`;
  t.equal(
    text("normal"),
    `[1/0] compile edge-run 2.0 s
the app's HTTP port is at http://127.0.0.1:8080/ once it serves; Ctrl-C ends the app
{"edgeimg":"ready"}
src/a.ts and 2 more: built in 1.9 s, the app starts anew
${failed}`,
  );
  t.equal(text("quiet"), `{"edgeimg":"ready"}\n${failed}`);
});
