import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { listBoards, listEngines } from "../../src/api/session/catalog.js";
import type { BuildOptions, BuildResult, RunOptions, TestReport } from "../../src/api/types.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { testContext } from "../helpers/image-request.js";
import { runFake } from "./fake-api.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

const built: BuildResult = {
  artifacts: [
    { role: "image", path: "/project/out/x.img", bytes: 268_435_456, sha256: "aa".repeat(32) },
    { role: "compressed", path: "/project/out/x.img.zst", bytes: 28_000_000, sha256: "bb".repeat(32) },
  ],
  board: "rpi4",
  engine: "ncnn",
  boards: ["rpi4"],
  out: "/project/out",
  cachedSteps: 3,
  ranSteps: 4,
  ms: 61_000,
};

t.test("build: flags reach the API, the last lines say what was made and what to do with it", async (t) => {
  const seen: BuildOptions[] = [];
  const ran = await runFake(["build", "-b", "rpi4", "--engine=ncnn", "--jobs", "3", "--locked", "-o", "there"], {
    buildImage: async (context, options) => {
      seen.push(options);
      context.emit({ type: "log", level: "info", message: "hello" });
      return built;
    },
  });
  t.same(seen, [
    { configFile: undefined, board: "rpi4", engine: "ncnn", out: "there", jobs: 3, offline: false, locked: true },
  ]);
  t.equal(ran.code, 0);
  t.equal(ran.stderr, "");
  t.equal(
    ran.stdout,
    `hello

rpi4 with ncnn, in 1 min 01 s (4 steps run, 3 from cache):

out/x.img      268 MB   ${"aa".repeat(32)}
out/x.img.zst  28.0 MB  ${"bb".repeat(32)}

Try it:      edgeimg run --out there --board rpi4 --engine ncnn
Onto a card: edgeimg flash out    (--list shows the drives)
`,
  );
});

for (const [words, hint] of [
  [[], "edgeimg run --board rpi4 --engine ncnn"],
  [["-c", "other.yaml"], "edgeimg run --config other.yaml --board rpi4 --engine ncnn"],
  [
    ["--config", "my reader/edgeimg.yaml", "-o", "it's"],
    `edgeimg run --config 'my reader/edgeimg.yaml' --out 'it'\\''s' --board rpi4 --engine ncnn`,
  ],
  [["--builder", "buildroot", "--buildroot", "br", "-c", "a.yaml"], "edgeimg run out --config a.yaml"],
] as const)
  t.test(`build: the command to try it means the same project: ${words.join(" ")}`, async (t) => {
    const ran = await runFake(["build", ...words], { buildImage: async () => built });
    t.equal(/^Try it: +(.*)$/m.exec(ran.stdout)?.[1], hint);
    // What is pasted is read back as the same options.
    const seen: RunOptions[] = [];
    const pasted = execFileSync("sh", ["-c", `printf '%s\\n' ${hint}`], { encoding: "utf8" })
      .trimEnd()
      .split("\n");
    const run = await runFake(pasted.slice(1), {
      runImage: async (_, options) => {
        seen.push(options);
        return { exitCode: 0 };
      },
    });
    t.equal(run.code, 0, run.stderr);
    const value = (...names: string[]) => words.find((_, index) => names.includes(words[index - 1] ?? ""));
    t.match(seen, [{ configFile: value("-c", "--config"), out: value("-o", "--out") }]);
  });

t.test("build: a project with several boards gets an image for each", async (t) => {
  const asked: (string | undefined)[] = [];
  const ran = await runFake(["build", "--json"], {
    buildImage: async (_, { board }) => {
      asked.push(board);
      return { ...built, board: board ?? "rpi4", boards: board === undefined ? ["rpi4", "rpi3"] : [board] };
    },
  });
  t.same(asked, [undefined, "rpi3"]);
  t.same(
    ran.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).board),
    ["rpi4", "rpi3"],
  );
});

t.test("build --json: only JSON, and the result last", async (t) => {
  const ran = await runFake(["build", "--json"], {
    buildImage: async (context) => {
      context.emit({ type: "plan", steps: 7 });
      return built;
    },
  });
  const lines = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  t.same(lines[0], { type: "plan", steps: 7 });
  t.match(lines.at(-1), { type: "result", command: "build", board: "rpi4", artifacts: built.artifacts });
  t.equal(lines.length, 2);
});

t.test("a full disk is no bug, wherever it was met", async (t) => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const { code, stderr } = await runFake(["build"], { buildImage: () => Promise.reject(full) });
  t.equal(code, 2);
  t.match(stderr, "error ERR_EDGEIMG_STORE_FULL: No space is left: ENOSPC: no space left on device, write.");
  t.match(stderr, "edgeimg cache prune");
});

t.test("exit codes: the user's mistake 1, the environment 2, verification 3, our bug 70", async (t) => {
  const failing = (error: Error) => runFake(["build"], { buildImage: () => Promise.reject(error) });
  t.equal((await failing(new EdgeimgError("ERR_EDGEIMG_CONFIG_INVALID", "x"))).code, 1);
  t.equal((await failing(new EdgeimgError("ERR_EDGEIMG_FETCH_OFFLINE", "x"))).code, 2);
  t.equal((await failing(new EdgeimgError("ERR_EDGEIMG_FETCH_HASH", "x"))).code, 3);
  const bug = await failing(new TypeError("x is not a function"));
  t.equal(bug.code, 70);
  t.match(
    bug.stderr,
    /^error ERR_EDGEIMG_BUG: x is not a function\n[\s\S]*\n {4}at /,
    "a bug shows its stack: it is to be reported",
  );
});

t.test("after an interruption every failure is the interruption", async (t) => {
  const controller = new AbortController();
  const ran = await runFake(
    ["build"],
    {
      buildImage: async () => {
        controller.abort();
        throw new Error("some tool was killed");
      },
    },
    controller,
  );
  t.equal(ran.code, 130);
  t.equal(ran.stderr.split("\n")[0], "error ERR_EDGEIMG_INTERRUPTED: stopped");
});

t.test("test: passes or fails with the checks", async (t) => {
  const report = (passed: boolean): TestReport => ({
    board: "rpi3",
    engine: "ncnn",
    boots: 1,
    ms: 90_000,
    checks: [
      { name: "boot", passed: true },
      { name: "result a.png", passed },
    ],
  });
  const good = await runFake(["test"], { testImage: async () => report(true) });
  t.same([good.code, good.stdout], [0, "2 checks passed, 0 failed (rpi3 with ncnn, 1 min 30 s)\n"]);
  const bad = await runFake(["test"], { testImage: async () => report(false) });
  t.same([bad.code, bad.stdout], [3, "1 checks passed, 1 failed (rpi3 with ncnn, 1 min 30 s)\n"]);
  const asked: object[] = [];
  const often = await runFake(["test", "--repeat", "3", "--junit", "report.xml"], {
    testImage: async (_context, options) => {
      asked.push(options);
      return { ...report(true), boots: 3 };
    },
  });
  t.match(often.stdout, "(rpi3 with ncnn, 3 boots, ");
  t.match(asked, [{ repeat: 3, junit: "report.xml" }]);
  t.equal((await runFake(["test", "--repeat", "0"], {})).code, 1);
});

t.test("plan: settings with their origin, steps with their reason", async (t) => {
  const ran = await runFake(["plan"], {
    planImage: async () => ({
      board: "rpi4",
      engine: "ncnn",
      settings: [
        { key: "board", value: ["rpi4"], origin: { from: "flag", flag: "--board" } },
        {
          key: "image.filesystem",
          value: "erofs",
          origin: { from: "file", place: { file: "edgeimg.yaml", line: 7, column: 15 } },
        },
      ],
      steps: [
        {
          id: "f",
          title: "fetch ncnn",
          kind: "fetch",
          digest: "00",
          why: "the source of ncnn",
          neededBy: ["compile ncnn"],
          cached: true,
        },
        { id: "c", title: "compile ncnn", kind: "run", digest: "01", why: "the engine", neededBy: [], cached: false },
      ],
    }),
  });
  t.equal(
    ran.stdout,
    `Settings
  board             ["rpi4"]  --board
  image.filesystem  erofs     edgeimg.yaml:7:15

Steps for rpi4 with ncnn
  store  f  fetch ncnn    the source of ncnn
  run    c  compile ncnn  the engine

2 steps, 1 of them in the store
`,
  );
});

t.test("commands that build tidy the store once they have told the result, and say so to people", async (t) => {
  const freed = { bytes: 2_000_000_000, days: 30, gigabytes: 20 };
  const line = "2.0 GB left the store: unused for 30 days, or longest unused of more than 20 GB\n";
  const build = async (words: string[], part = {}) =>
    await runFake(["build", ...words], { buildImage: async () => built, tidyCache: async () => freed, ...part });
  const ran = await build([]);
  t.equal(ran.stdout.endsWith(`Raspberry Pi Imager\n${line}`) || ran.stdout.endsWith(`drives)\n${line}`), true);
  t.equal((await build(["--quiet"])).stdout.includes("left the store"), false);
  const last = (await build(["--json"])).stdout.trim().split("\n").at(-1) ?? "";
  t.match(JSON.parse(last), { type: "result" }, "the result is the last line for programs");
  t.equal((await build([], { tidyCache: async () => ({ ...freed, bytes: 0 }) })).stdout.includes("left"), false);
  const stop = new AbortController();
  const tidyCache = async () => {
    stop.abort();
    return undefined;
  };
  const stopped = await runFake(["build"], { buildImage: async () => built, tidyCache }, { signal: stop.signal });
  t.equal(stopped.code, 0, "who stops the tidying has the image all the same");
  const refused = async () => {
    throw new Error("a command that builds nothing leaves the store alone");
  };
  const other = await runFake(["cache", "prune"], {
    cachePrune: async () => ({ removed: 0, bytes: 0 }),
    tidyCache: refused,
  });
  t.equal(other.code, 0);
});

t.test("cache: list, size, prune, verify", async (t) => {
  const info = {
    path: "/cache",
    bytes: 2_000_000_000,
    objects: 12,
    entries: [{ title: "tools", digest: "cd".repeat(32), bytes: 300_000_000, usedAt: Date.UTC(2026, 0, 2) }],
  };
  const size = await runFake(["cache", "size"], { cacheInfo: async () => info });
  t.equal(size.stdout, "/cache\n2.0 GB in 12 objects\n");
  const list = await runFake(["cache", "list"], { cacheInfo: async () => info });
  t.equal(list.stdout, "2026-01-02    300 MB  cdcdcdcdcdcd  tools\n");
  const days: number[] = [];
  const prune = await runFake(["cache", "prune", "--older-than", "7"], {
    cachePrune: async (_, { olderThanDays }) => {
      days.push(olderThanDays);
      return { removed: 2, bytes: 1000 };
    },
  });
  t.same([days, prune.stdout], [[7], "removed 2 entries, 1.0 kB\n"]);
  const verify = await runFake(["cache", "verify"], {
    cacheVerify: async () => ({ checked: 5, damaged: ["trees/ab"] }),
  });
  t.same([verify.code, verify.stdout], [3, "damaged, removed: trees/ab\n5 objects read, 1 damaged\n"]);
});

t.test("doctor: names the cure, exit code 2 when something is missing", async (t) => {
  const ran = await runFake(["doctor"], {
    doctor: async () => [
      { name: "Node", ok: true, found: "20.1.0" },
      { name: "apt-get", ok: false, found: "not on the PATH", cure: "sudo dnf install apt" },
    ],
  });
  t.equal(ran.code, 2);
  t.equal(
    ran.stdout,
    "ok       Node: 20.1.0\nmissing  apt-get: not on the PATH\n         cure: sudo dnf install apt\n1 of 2 missing.\n",
  );
});

t.test("explain: a code in any spelling, a path in the image", async (t) => {
  const code = await runFake(["explain", "fetch-hash"], {});
  t.match(code.stdout, /^ERR_EDGEIMG_FETCH_HASH \(exit code 3\)\n/);
  const wrong = await runFake(["explain", "FETCH_HSH"], {});
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, 'there is no error code "FETCH_HSH". Did you mean "ERR_EDGEIMG_FETCH_HASH"?');
  const path = await runFake(["explain", "/usr/lib/libz.so.1"], {
    explainPath: async (_, asked) => ({
      path: asked,
      package: "zlib1g",
      version: "1.3",
      license: "Zlib",
      bytes: 120_000,
      chain: ["app runtime", "/usr/bin/edge-run"],
    }),
  });
  t.equal(
    path.stdout,
    "/usr/lib/libz.so.1  120 kB\n  from zlib1g 1.3, Zlib\nneeded by\n  app runtime\n    /usr/bin/edge-run\n",
  );
});

t.test("init --lock: the new project's lock is made at once", async (t) => {
  const asked: unknown[] = [];
  const part = {
    initProject: async () => ({ directory: "/home/me/door", example: "detector", files: ["edgeimg.yaml"] }),
    updateLock: async ({ cwd }: { readonly cwd: string }, options: object) => {
      asked.push([cwd, options]);
      return { file: "/home/me/door/edgeimg.lock", entries: 417, changes: [] };
    },
  };
  const ran = await runFake(["init", "/home/me/door", "--lock"], part);
  t.match(ran.stdout, "edgeimg.lock pins 417 packages, sources and models\n");
  t.same(asked, [["/home/me/door", { offline: false, locked: false, update: true }]]);
  t.notMatch((await runFake(["init", "/home/me/door"], part)).stdout, "pins");
  t.equal(asked.length, 1, "without the flag nobody is asked");
});

t.test("ci matrix: lines for a shell, an object for a pipeline", async (t) => {
  const include = [
    { board: "rpi4", engine: "ncnn" },
    { board: "rpi3", engine: "onnxruntime" },
  ];
  const part = { listTargets: async () => include };
  t.equal((await runFake(["ci", "matrix"], part)).stdout, "rpi4 ncnn\nrpi3 onnxruntime\n");
  const json = await runFake(["ci", "matrix", "--json"], part);
  t.same(JSON.parse(json.stdout), { type: "result", command: "ci matrix", include });
});

t.test("ci init: needs a provider that there is", async (t) => {
  t.match((await runFake(["ci", "init"], {})).stderr, /needs --provider[\s\S]*github, gitlab, forgejo, generic/);
  t.equal((await runFake(["ci", "init", "--provider", "jenkins"], {})).code, 1);
  const ran = await runFake(["ci", "init", "--provider", "generic"], {
    ciInit: async () => ({
      provider: "generic",
      files: ["/project/ci/edgeimg.sh"],
      written: [],
      targets: [{ board: "rpi4", engine: "ncnn" }],
      package: "./edgeimg.tgz",
      image: { name: "node:22-trixie", isPinned: false },
      hasLock: false,
    }),
  });
  t.match(ran.stdout, /unchanged +ci\/edgeimg\.sh[\s\S]*edgeimg lock --update/);
});

t.test("build --matrix: all images in one graph", async (t) => {
  const image = { ...built, out: "/project/out/rpi4-ncnn" };
  const ran = await runFake(["build", "--matrix", "--locked"], {
    buildMatrix: async () => ({
      images: [image, { ...image, board: "rpi3" }],
      cachedSteps: 90,
      ranSteps: 9,
      ms: 61_000,
    }),
  });
  t.equal(ran.code, 0);
  t.match(ran.stdout, "2 images, in 1 min 01 s (9 steps run, 90 from cache)");
  t.match(ran.stdout, /rpi3 +ncnn +\S+ \S+ +out\/rpi4-ncnn/);
});

t.test("diff: text, Markdown and JSON", async (t) => {
  const name = { project: "p", board: "rpi4", engine: "ncnn 1" };
  const found = {
    old: name,
    new: name,
    sizes: [{ name: "image", from: 1000, to: 3000 }],
    versions: [],
    packages: [],
    models: [],
    files: [],
  };
  const run = (...words: string[]) => runFake(["diff", "a", "b", ...words], { diffResults: async () => found });
  t.match((await run()).stdout, /image +1\.0 kB +3\.0 kB +\+2\.0 kB/);
  t.match((await run("--format", "markdown")).stdout, "| image | 1.0 kB | 3.0 kB | +2.0 kB |");
  t.same(JSON.parse((await run("--format", "json")).stdout), found);
  t.match(JSON.parse((await run("--json")).stdout), { type: "result", command: "diff", sizes: found.sizes });
  t.equal((await run("--format", "pdf")).code, 1);
});

t.test("boards NAME and engines NAME tell all of one, notes and licence included", async (t) => {
  const ncnn = await runFake(["engines", "ncnn"], { listEngines: async () => await listEngines(testContext(home)) });
  t.match(ncnn.stdout, /^ncnn: ncnn 1\.0/);
  t.match(ncnn.stdout, /^ *reads +ncnn$/m);
  t.match(ncnn.stdout, /licence +BSD-3-Clause\n +licence text +LICENSE\.txt of pkg:pypi\/ncnn@\S+\n +[0-9a-f]{64}\n/);
  t.match(ncnn.stdout, /models +ONNX, pnnx, ncnn\n +takes +f32, i32\n +gives +f32, i32\n/);
  t.match(ncnn.stdout, /proven +example reader booted on qemu-a72 \(emulated\)\n/);
  const onnxruntime = await runFake(["engines", "onnxruntime"], {
    listEngines: async () => await listEngines(testContext(home)),
  });
  t.match(onnxruntime.stdout, /licence text +copyright file of the Debian package libonnxruntime-dev/);
  const { engines } = await loadCatalog(home, undefined);
  const squeezed = onnxruntime.stdout.replace(/\s+/g, " ");
  for (const note of engines.get("onnxruntime")?.recipe.notes ?? []) t.ok(squeezed.includes(note), note);
  const listBoardsOf = { listBoards: async () => await listBoards(testContext(home)) };
  t.match((await runFake(["boards", "rpi4"], listBoardsOf)).stdout, /lacks +aes, pmull, sha1, sha2/);
  const nano = (await runFake(["boards", "jetson-nano"], listBoardsOf)).stdout;
  t.notMatch(nano, /no image/);
  t.match(nano, /note/);
  const unknown = await runFake(["boards", "rpi44"], listBoardsOf);
  t.equal(unknown.code, 1);
  t.match(unknown.stderr, /no board "rpi44"\. Did you mean "rpi4"/);
});

t.test("engines: each with its boards, size and proofs, in 80 columns; as JSON, all of each", async (t) => {
  const cwd = t.testdir({ recipes: { engines: {} } });
  cpSync(join(home, "test/fixtures/engines/toy"), join(cwd, "recipes/engines/toy"), { recursive: true });
  const api = {
    listEngines: async () => await listEngines(testContext(cwd)),
    listBoards: async () => await listBoards(testContext(cwd)),
  };
  const shown = (await runFake(["engines"], api)).stdout;
  t.same(
    shown.split("\n").filter((line) => line.length > 80),
    [],
  );
  t.match(shown, /^engine +version +licence +boards +reads +MB +proven$/m);
  t.match(shown, /^toy .* not\s+verified$/m);
  t.match(shown, /^ncnn +\S+ +BSD-3-Clause +all +ncnn +\d+\.\d +booted:/m);
  for (const { name } of await api.listEngines()) {
    const one = (await runFake(["engines", name], api)).stdout;
    const long = one.split("\n").filter((line) => line.length > 80);
    // A package's URL and a path are not broken.
    t.same(
      long.filter((line) => line.trim().split(/\s+/).length > 2 && !/pkg:/.test(line)),
      [],
    );
  }
  const json = (await runFake(["engines", "toy", "--json"], api)).stdout;
  t.match(JSON.parse(json.trim().split("\n").at(-1) ?? ""), {
    engines: [{ name: "toy", boards: (await api.listBoards()).map(({ name }) => name), proven: [], converters: [] }],
  });
});

t.test("run --host runs the app, boots nothing, and takes no image", async (t) => {
  const ran = await runFake(["run", "--host", "--port", "8080", "-c", "other.yaml"], {
    runHost: async (_, { port, configFile }) => {
      t.same([port, configFile], [8080, "other.yaml"]);
      return { exitCode: 0 };
    },
  });
  t.equal(ran.code, 0, ran.stderr);
  const both = await runFake(["run", "--host", "out/rpi4-ncnn"], {});
  t.equal(both.code, 1);
  t.match(both.stderr, "ERR_EDGEIMG_USAGE");
  t.match(both.stderr, "help: Leave out the image, or --host.");
});
