import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { commands } from "../../src/cli/commands/index.js";
import { packageHome } from "../../src/ground/home.js";

/** The compiled program; `npm test` builds it first. */
const compiled = join(packageHome, "dist/bundle/main.js");

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  words: readonly string[],
  { program = compiled, ...env }: Readonly<Record<string, string>> = {},
): { child: ChildProcess; ended: Promise<Ran> } {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: t.testdirName,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part) => (stdout += part));
    child.stderr.on("data", (part) => (stderr += part));
    child.on("error", reject);
    // As a shell tells it: a second Ctrl-C may come when the program has put its own handler away.
    child.on("close", (code, signal) => resolve({ code: signal === "SIGINT" ? 130 : code, stdout, stderr }));
  });
  return { child, ended };
}

const run = (...words: readonly string[]) => start(words).ended;

t.before(() => t.testdir({}));

t.test("--version is the package's", async (t) => {
  const { version } = JSON.parse(await readFile(join(packageHome, "package.json"), "utf8"));
  t.same(await run("--version"), { code: 0, stdout: `${version}\n`, stderr: "" });
  t.match((await run("version")).stdout, `edgeimg ${version}, Node `);
});

t.test("--help names every command", async (t) => {
  const help = await run("--help");
  t.equal(help.code, 0);
  for (const command of commands) t.match(help.stdout, new RegExp(`\n  ${command.name} `), command.name);
});

t.test("no words: the help, and exit code 1", async (t) => {
  const ran = await run();
  t.equal(ran.code, 1);
  t.match(ran.stdout, /^Usage: edgeimg /);
});

t.test("a mistake: a few lines on stderr, or one JSON object on stdout; exit code 1", async (t) => {
  const plain = await run("bild");
  const hint = "Did you mean build?";
  const message = "unknown command 'bild'";
  t.same(plain, {
    code: 1,
    stdout: "",
    stderr: `error ERR_EDGEIMG_USAGE: ${message}\n  help: ${hint}\n  more: edgeimg explain ERR_EDGEIMG_USAGE\n`,
  });
  const json = await run("bild", "--json");
  t.same([json.code, json.stderr], [1, ""]);
  t.same(JSON.parse(json.stdout), { type: "error", code: "ERR_EDGEIMG_USAGE", message, hint, exitCode: 1 });
});

t.test("an unknown board and engine: the nearest name, exit code 1, no stack trace", async (t) => {
  for (const [words, word] of [
    [["plan", "--board", "rpi5", "--engine", "ncnn"], "rpi4"],
    [["plan", "--board", "rpi4", "--engine", "onnx"], "onnxruntime"],
  ] as const) {
    const ran = await run(...words);
    t.equal(ran.code, 1);
    t.match(ran.stderr, `Did you mean "${word}"?`);
    t.notMatch(ran.stderr, /\n {4}at /);
    t.ok(ran.stderr.split("\n").length <= 12, ran.stderr);
  }
});

t.test("a broken edgeimg.yaml: place and words of every problem, exit code 1, no stack trace", async (t) => {
  const folder = t.testdir({ "edgeimg.yaml": "format: 1\nname: x\nmodles: {}\napp: { entry: 5 }\n" });
  const ran = await run("plan", "--config", join(folder, "edgeimg.yaml"), "--board", "rpi4", "--engine", "ncnn");
  t.equal(ran.code, 1);
  t.match(
    ran.stderr,
    /^error ERR_EDGEIMG_CONFIG_INVALID: unknown key `modles`\. Did you mean "models"\?\n {2}at \S*edgeimg\.yaml:3:1\n/,
  );
  t.match(ran.stderr, /edgeimg\.yaml:4:15: `app\.entry` must be a text, not the number 5\n/);
  t.notMatch(ran.stderr, /\n {4}at /);
});

t.test("--config with a file that is not there", async (t) => {
  const ran = await run("plan", "--config", "nowhere.yaml");
  t.equal(ran.code, 1);
  t.match(ran.stderr, "error ERR_EDGEIMG_CONFIG_MISSING: ");
});

t.test("boards and engines list what the catalog has", async (t) => {
  const boards = await run("boards");
  t.equal(boards.code, 0);
  for (const name of ["rpi4", "rpi3", "rpi-zero2w", "qemu-a72", "qemu-a53"])
    t.match(boards.stdout, new RegExp(`^${name} `, "m"));
  const engines = JSON.parse((await run("engines", "--json")).stdout);
  t.match(engines, { type: "result", command: "engines" });
  t.ok(engines.engines.some((one: { name: string }) => one.name === "ncnn"));
});

t.test("completion asks the catalog", async (t) => {
  t.same((await run("complete", "--", "build", "--board", "rpi4")).stdout, "rpi4\n");
});

t.test("a reader that goes away is no error", async (t) => {
  const { child, ended } = start(["boards"]);
  child.stdout?.destroy();
  const ran = await ended;
  t.equal(ran.code, 0);
  t.equal(ran.stderr, "");
});

t.test("Ctrl-C: the first stops what is under way with code 130, the second does not wait", async (t) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const asked = () => new Promise<void>((resolve) => silent.once("request", () => resolve()));
  const env = { EDGEIMG_DEBIAN_MIRROR: `http://127.0.0.1:${port}/debian` };

  const first = start(["doctor"], env);
  await asked();
  first.child.kill("SIGINT");
  const stopped = await first.ended;
  t.equal(stopped.code, 130);
  t.match(stopped.stderr, "stopping; Ctrl-C again to stop at once");

  // A tool that ignores signals holds the first stage up.
  const bin = t.testdir({});
  // It ends by itself when the test does and takes its folder away.
  const tool = "#!/bin/sh\ntrap '' TERM INT\nwhile [ -e \"$0\" ]; do sleep 1; done\n";
  await writeFile(join(bin, "dpkg-deb"), tool, { mode: 0o755 });
  const second = start(["doctor"], { ...env, PATH: `${bin}:${process.env.PATH}` });
  await asked();
  const began = performance.now();
  second.child.kill("SIGINT");
  await new Promise((resolve) => second.child.stderr?.once("data", resolve));
  second.child.kill("SIGINT");
  const killed = await second.ended;
  t.equal(killed.code, 130);
  t.ok(performance.now() - began < 3000, "at once");
});

t.test(
  "one Ctrl-C is enough while apt says nothing, also when edgeimg's own folder was removed meanwhile",
  async (t) => {
    const folder = t.testdir({ install: {}, bin: {}, project: {} });
    const install = join(folder, "install");
    for (const name of ["dist/bundle", "recipes", "board-configs", "templates", "examples", "schemas", "package.json"])
      await cp(join(packageHome, name), join(install, name), { recursive: true });
    await symlink(join(packageHome, "node_modules"), join(install, "node_modules"));
    // Says that it was asked, then nothing.
    const asked = join(folder, "bin/asked");
    await writeFile(join(folder, "bin/apt-get"), `#!/bin/sh\n: > ${asked}\nexec sleep 60\n`, { mode: 0o755 });
    const words = ["lock", "--update", "--board", "qemu-a53", "--engine", "ncnn"];
    const { child, ended } = start(words, {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      XDG_CACHE_HOME: join(folder, "cache"),
      program: join(install, "dist/bundle/main.js"),
    });
    while (!existsSync(asked)) {
      if (child.exitCode !== null) break;
      await sleep(50);
    }
    await rm(install, { recursive: true });
    const began = performance.now();
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    t.equal(code, 130, stderr);
    t.ok(performance.now() - began < 10_000, "at once");
  },
);
