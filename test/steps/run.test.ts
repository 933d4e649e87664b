import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { rememberGroup } from "../../src/process/process-group.js";
import { treePath } from "../../src/store/store.js";
import { testPlan, testServices } from "../helpers/services.js";

/** Runs shell scripts as one step. Returns how to read a file of its result. */
async function setUp(t: Test, scripts: Readonly<Record<string, string>>) {
  const root = t.testdir({ cache: {}, tools: {} });
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(join(root, "tools", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  const services = await testServices(join(root, "cache"), { jobs: 3 });
  const plan = (params: object) =>
    testPlan([
      { id: "tools", kind: "local", params: { path: join(root, "tools") } },
      { id: "data", kind: "compose", params: { parts: [], files: { "deep/file": "data of the input" } } },
      { id: "step", kind: "run", inputs: { tools: "tools", data: "data" }, params },
    ]);
  const run = async (params: object) => {
    const results = await execute(plan(params), ["step"], services);
    const tree = treePath(services.store, results.get("step")?.digest ?? "");
    return (path: string) => readFileSync(join(tree, path), "utf8");
  };
  return { root, services, run, work: () => join(services.store.root, "work") };
}

t.test("a step sees its own environment and nothing of the host's", async (t) => {
  const before = { ...process.env };
  Object.assign(process.env, {
    EDGEIMG_SECRET: "1",
    LANG: "de_DE.UTF-8",
    TZ: "Asia/Tokyo",
    LD_LIBRARY_PATH: "/nowhere",
  });
  t.teardown(() => {
    for (const name of ["EDGEIMG_SECRET", "LD_LIBRARY_PATH", "LANG", "TZ"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
  const { run } = await setUp(t, { show: "export -p > out/env; pwd > out/cwd; umask > out/umask" });
  const read = await run({
    commands: [["in/tools/show"]],
    env: { OWN: "{cwd}/x -j{jobs}" },
    path: ["in/tools", "in/data/bin"],
  });
  const cwd = read("cwd").trim();
  const seen = new Map(
    read("env")
      .split("\n")
      .filter((line) => line.startsWith("export "))
      .map((line) => {
        const [, name = "", value = ""] = /^export (\w+)='?(.*?)'?$/.exec(line) ?? [];
        return [name, value] as const;
      }),
  );
  // The shell's own, and what tap adds to every process that is started under it.
  for (const name of seen.keys()) if (/^(PWD|OLDPWD|_|NODE_OPTIONS|_TAPJS_.*)$/.test(name)) seen.delete(name);
  t.same(Object.fromEntries(seen), {
    HOME: cwd,
    LC_ALL: "C",
    OWN: `${cwd}/x -j3`,
    PATH: `${cwd}/in/tools:${cwd}/in/data/bin`,
    SOURCE_DATE_EPOCH: "946684800",
    TMPDIR: `${cwd}/tmp`,
    TZ: "UTC",
  });
});

t.test("programs of the host are not found", async (t) => {
  const { run } = await setUp(t, { try: "ls > out/x" });
  await t.rejects(run({ commands: [["in/tools/try"]] }), {
    code: "ERR_EDGEIMG_STEP_FAILED",
    message: "try failed (exit code 127).",
  });
  await t.rejects(run({ commands: [["ls"]] }), { code: "ERR_EDGEIMG_STEP_FAILED", message: /^ls failed \(.*ENOENT/ });
});

t.test("arguments are passed as they are: no shell reads them", async (t) => {
  const { run } = await setUp(t, { args: 'for a in "$@"; do echo "<$a>"; done > out/args' });
  const args = ["a b", "$HOME", "`x`", "*", "'", '"', "", "--x={cwd}", "ä\n", "{jobs}{jobs}", ";exit 1"];
  const read = await run({ commands: [["in/tools/args", ...args]] });
  const cwd = /<--x=(.*)>/.exec(read("args"))?.[1] ?? "";
  t.ok(cwd.startsWith("/"));
  t.equal(read("args"), args.map((arg) => `<${arg.replace("{cwd}", cwd).replaceAll("{jobs}", "3")}>\n`).join(""));
});

t.test("standard input and output are files, of the last command only", async (t) => {
  const { run } = await setUp(t, {
    first: "read -r x && exit 9; echo noise",
    copy: 'while read -r x; do echo "got $x"; done',
  });
  const read = await run({
    commands: [["in/tools/first"], ["in/tools/copy"]],
    stdin: "in/data/deep/file",
    stdout: "out/result",
  });
  t.equal(read("result"), "", "a line without an end is none to the shell");
  const other = await setUp(t, { make: "echo one; echo two" });
  t.equal((await other.run({ commands: [["in/tools/make"]], stdout: "out/result" }))("result"), "one\ntwo\n");
  await t.rejects(other.run({ commands: [["in/tools/make"]], stdin: "in/none" }), { code: "ERR_EDGEIMG_STEP_FAILED" });
});

t.test("inputs are links; what is written to is copied first", async (t) => {
  const { run, services } = await setUp(t, {
    change: 'read -r x < in/data/deep/file; echo "$x" > out/x; : > src/deep/new; [ -d build/a ] && : > out/y',
  });
  const copying = { commands: [["in/tools/change"]], copies: { data: "src" }, folders: ["build/a"] };
  t.match((await run(copying))("y"), "");
  const data = testPlan([
    { id: "data", kind: "compose", params: { parts: [], files: { "deep/file": "data of the input" } } },
  ]);
  const { digest = "" } = (await execute(data, ["data"], services)).get("data") ?? {};
  t.same(readdirSync(join(treePath(services.store, digest), "deep")), ["file"], "the store's own tree was not touched");
});

t.test("a failure shows the tool's errors rather than the flood around them", async (t) => {
  const { run, services, work } = await setUp(t, {
    fail: 'i=0; while [ $i -lt 1000 ]; do echo "line $i"; [ $i = 700 ] && echo "x.c:1: error: no" >&2; i=$((i+1)); done; exit 3',
    plain: 'i=0; while [ $i -lt 20 ]; do echo "line $i"; i=$((i+1)); done; exit 4',
    dies: "kill -9 $$",
  });
  await t.rejects(run({ commands: [["in/tools/fail"]] }), {
    code: "ERR_EDGEIMG_STEP_FAILED",
    message: "fail failed (exit code 3).",
    details: ["x.c:1: error: no"],
    hint: /^The whole log is .*\/log\.txt\.$/,
  });
  t.match(
    services.events.find(({ type }) => type === "step-failed"),
    { step: "step", message: "fail failed (exit code 3)." },
  );
  const [folder = ""] = readdirSync(work());
  const log = readFileSync(join(work(), folder, "log.txt"), "utf8");
  t.match(log, /^\$ in\/tools\/fail\n/);
  t.match(log, /\nline 999\n/);
  await t.rejects(
    run({ commands: [["in/tools/plain"]], failure: { code: "ERR_EDGEIMG_STEP_FAILED", hint: "Do that." } }),
    {
      message: "plain failed (exit code 4).",
      details: Array.from({ length: 12 }, (_, index) => `line ${index + 8}`),
      hint: "Do that.",
    },
  );
  await t.rejects(run({ commands: [["in/tools/dies"]] }), { message: "dies failed (SIGKILL)." });
});

t.test("a program that a root's loader starts is called by its own name, and a crash a crash", async (t) => {
  const { run } = await setUp(t, {
    "ld-linux-x86-64.so.2": "kill -SEGV $$",
    "ld-linux-aarch64.so.1": "exit 3",
    "ld-musl-armhf.so.1": "exit 4",
  });
  const libraries = ["--library-path", "in/tools/usr/lib"];
  const members: readonly (readonly [readonly string[], string])[] = [
    [["in/tools/ld-linux-x86-64.so.2", ...libraries, "{cwd}/in/tool/pnnx/pnnx", "m.onnx"], "pnnx crashed (SIGSEGV)."],
    [
      ["in/tools/ld-linux-aarch64.so.1", "--argv0", "x", ...libraries, "a/mkfs.erofs"],
      "mkfs.erofs failed (exit code 3).",
    ],
    [["in/tools/ld-musl-armhf.so.1", "--inhibit-cache", "b/tool", "--argv0"], "tool failed (exit code 4)."],
    [["in/tools/ld-linux-aarch64.so.1"], "ld-linux-aarch64.so.1 failed (exit code 3)."],
    [["in/tools/ld-linux-aarch64.so.1", "--verify"], "ld-linux-aarch64.so.1 failed (exit code 3)."],
  ];
  for (const [command, message] of members)
    await t.rejects(run({ commands: [command] }), { code: "ERR_EDGEIMG_STEP_FAILED", message });
});

t.test("later commands do not run after a failure", async (t) => {
  const { run, work } = await setUp(t, { no: "exit 1", yes: ": > ran" });
  await t.rejects(run({ commands: [["in/tools/no"], ["in/tools/yes"]] }));
  const [folder = ""] = readdirSync(work());
  t.equal(existsSync(join(work(), folder, "ran")), false);
});

t.test("no space, told by a tool or met while its output is written", async (t) => {
  const full = { code: "ERR_EDGEIMG_STORE_FULL", message: "No space is left for the store." };
  const { run } = await setUp(t, {
    tells: "echo 'cp: error writing x: No space left on device' >&2; exit 1",
    writes: "echo x > tmp/full && exit 0; exit 2",
    prints: "i=0; while [ $i -lt 1000 ]; do echo 'some line'; i=$((i+1)); done",
  });
  await t.rejects(run({ commands: [["in/tools/tells"]] }), full);
  await t.test(
    "/dev/full as standard output",
    { skip: existsSync("/dev/full") ? false : "no /dev/full here" },
    async (t) => {
      await t.rejects(
        run({ commands: [["in/tools/prints"]], stdout: "../../../../../../../../../../../../../../dev/full" }),
        full,
      );
    },
  );
});

t.test("ninja's progress becomes an event", async (t) => {
  const { run, services } = await setUp(t, { ninja: "echo '[1/3] a'; echo '[3/3] b'; echo '[x] c'; : > out/x" });
  await run({ commands: [["in/tools/ninja"]] });
  t.same(
    services.events.flatMap((event) => (event.type === "step-progress" ? [[event.done, event.total, event.unit]] : [])),
    [
      [1, 3, "objects"],
      [3, 3, "objects"],
    ],
  );
});

t.test("a stop ends the tool and what it started", async (t) => {
  const { run, services, work } = await setUp(t, {
    parent: "in/tools/child & echo $! > out/child; echo $$ > out/parent; echo '[1/2] x'; wait",
    child: "while :; do :; done",
  });
  const running = run({ commands: [["in/tools/parent"]] });
  while (!services.events.some(({ type }) => type === "step-progress"))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const [folder = ""] = readdirSync(work());
  const pids = ["child", "parent"].map((name) => Number(readFileSync(join(work(), folder, "out", name), "utf8")));
  t.ok(pids.every(isAlive));
  services.controller.abort();
  await t.rejects(running, { code: "ERR_EDGEIMG_INTERRUPTED" });
  t.same(pids.filter(isAlive), []);
});

t.test("what a killed run left running is ended by the next, and nothing else", async (t) => {
  const { run, services, work } = await setUp(t, { step: ": > out/x; exit $STATUS" });
  const step = { commands: [["in/tools/step"]], env: { STATUS: "1" } };
  await t.rejects(run(step));
  const [name = ""] = readdirSync(work());
  const folder = join(work(), name);
  const sleeper = (env: Readonly<Record<string, string>>) => {
    const child = spawn("sleep", ["60"], { detached: true, env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
    t.teardown(() => child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
    return { pid: child.pid ?? 0, ended };
  };
  const leftover = sleeper({ HOME: folder });
  const inner = sleeper({ HOME: join(folder, "convert") });
  const noted = sleeper({ HOME: "/elsewhere" });
  await rememberGroup(folder, noted.pid);
  const stranger = sleeper({ HOME: `${folder}-other` });
  const user = sleeper({ HOME: services.store.root });
  await t.rejects(run(step));
  t.same(await Promise.all([leftover.ended, inner.ended, noted.ended]), ["SIGKILL", "SIGKILL", "SIGKILL"]);
  t.ok(isAlive(stranger.pid));
  t.ok(isAlive(user.pid));
  writeFileSync(join(folder, "group"), `${user.pid} 99999999999999\n`);
  await t.rejects(run(step));
  t.ok(isAlive(user.pid), "another process that got the number");
});

t.test("a result holds no work folder's path, whatever that is", async (t) => {
  const digests = [];
  const folder = t.testdir({});
  for (const place of ["a", "a longer/ place"]) {
    const root = join(folder, place);
    mkdirSync(join(root, "cache"), { recursive: true });
    mkdirSync(join(root, "tools"));
    writeFileSync(join(root, "tools/x"), '#!/bin/sh\necho "$1" > out/x\n', { mode: 0o755 });
    const services = await testServices(join(root, "cache"), { jobs: place.length });
    const plan = testPlan([
      { id: "tools", kind: "local", params: { path: join(root, "tools") } },
      {
        id: "step",
        kind: "run",
        inputs: { tools: "tools" },
        params: { commands: [["in/tools/x", "y"]], env: { A: "{cwd}{jobs}" } },
      },
    ]);
    digests.push((await execute(plan, ["step"], services)).get("step")?.digest);
  }
  t.equal(digests[0], digests[1]);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
