import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { tinyOnnx } from "../model/onnx-builder.js";
import { edgeimg, packedProgram, type Run, scratchFolder } from "./lab.js";

/**
 * What goes wrong by the hand of a user or of the world, from input to words: a code, a place where there is one, a remedy, the exit
 * code of its kind (1 input, 2 surroundings, 3 verification), few lines and no stack trace.
 */
let made = 0;
const folder = await scratchFolder("bad-input");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);

const yaml = (more: string) => `format: 1\nname: bad\nboard: qemu-a72\nengine: ncnn\napp:\n  entry: main.ts\n${more}`;
const app = 'console.log("hello");\n';

/** y = operator(x), x of 4 floats. */
const model = (op: string) =>
  tinyOnnx({
    nodes: [{ op, inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: [
      { name: "y", type: op === "IsNaN" ? 9 : op === "NonZero" ? 7 : 1, shape: op === "NonZero" ? [2, "n"] : [1, 4] },
    ],
  });

interface Case {
  readonly what: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code: string;
  readonly exit: number;
  readonly says: RegExp;
  readonly prepare?: (project: string) => Promise<void>;
}

const cases: readonly Case[] = [
  {
    what: "an unknown key",
    files: { "edgeimg.yaml": yaml("  asets: [x]\n") },
    code: "ERR_EDGEIMG_CONFIG_INVALID",
    exit: 1,
    says: /unknown key[\s\S]*assets[\s\S]*edgeimg\.yaml:7:3/,
  },
  {
    what: "a wrong type",
    files: { "edgeimg.yaml": yaml("image: { compress: maybe }\n") },
    code: "ERR_EDGEIMG_CONFIG_INVALID",
    exit: 1,
    says: /edgeimg\.yaml:7:20/,
  },
  { what: "an unknown board", args: ["--board", "rpi44"], code: "ERR_EDGEIMG_UNKNOWN_NAME", exit: 1, says: /rpi4/ },
  { what: "an unknown engine", args: ["--engine", "ncn"], code: "ERR_EDGEIMG_UNKNOWN_NAME", exit: 1, says: /ncnn/ },
  {
    what: "an engine that does not support the board",
    files: { "recipes/engines/armv7-only/recipe.yaml": await otherArch() },
    args: ["--engine", "armv7-only"],
    code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    exit: 1,
    says: /armhf/,
  },
  {
    what: "a missing app file",
    files: { "main.ts": "" },
    prepare: async (project) => rm(join(project, "main.ts")),
    code: "ERR_EDGEIMG_PROJECT_FILE",
    exit: 1,
    says: /main\.ts/,
  },
  {
    what: "a TypeScript error",
    files: { "main.ts": 'const n: number = "one";\nconsole.log(n);\n' },
    code: "ERR_EDGEIMG_APP_TYPES",
    exit: 1,
    says: /main\.ts:1:7/,
  },
  {
    what: "a missing model file",
    files: { "edgeimg.yaml": yaml("models: { m: { onnx: m.onnx } }\n") },
    code: "ERR_EDGEIMG_PROJECT_FILE",
    exit: 1,
    says: /m\.onnx/,
  },
  {
    what: "a model that is no ONNX",
    files: { "edgeimg.yaml": yaml("models: { m: { onnx: m.onnx } }\n"), "m.onnx": "version https://git-lfs\n" },
    code: "ERR_EDGEIMG_MODEL_NOT_ONNX",
    exit: 1,
    says: /Model m is not a valid ONNX model.*git lfs pull/s,
  },
  {
    what: "an operator that ncnn cannot run",
    files: { "edgeimg.yaml": yaml("models: { m: { onnx: m.onnx } }\n"), "m.onnx": model("Hardmax") },
    code: "ERR_EDGEIMG_MODEL_OPERATOR",
    exit: 1,
    says: /Hardmax/,
  },
  {
    what: "a converted model outside its tolerance",
    files: {
      "edgeimg.yaml": yaml("models: { m: { onnx: m.onnx, tolerance: 1.0e-12 } }\n"),
      "m.onnx": model("Sigmoid"),
    },
    code: "ERR_EDGEIMG_MODEL_TOLERANCE",
    exit: 3,
    says: /tolerance/,
  },
  {
    what: "a lock that disagrees",
    args: ["--locked"],
    prepare: async (project) => loseSet(project),
    code: "ERR_EDGEIMG_LOCK_DISAGREES",
    exit: 1,
    says: /sysroot/,
  },
  {
    what: "a lock that is none",
    prepare: async (project) => writeFile(join(project, "edgeimg.lock"), "{"),
    code: "ERR_EDGEIMG_LOCK_INVALID",
    exit: 1,
    says: /edgeimg\.lock/,
  },
  {
    what: "a registry that cannot be reached",
    files: { "edgeimg.yaml": yaml("models: { m: { onnx: { purl: 'pkg:npm/nothing-here@1.0.0', path: m.onnx } } }\n") },
    env: { npm_config_registry: "http://127.0.0.1:9/" },
    code: "ERR_EDGEIMG_FETCH_UNREACHABLE",
    exit: 2,
    says: /nothing-here/,
  },
  {
    what: "an output folder that cannot be written",
    args: ["--out", "/proc/edgeimg"],
    code: "ERR_EDGEIMG_OUTPUT_UNWRITABLE",
    exit: 1,
    says: /--out/,
  },
];

for (const one of cases) {
  t.test(one.what, async (t) => {
    const project = await newProject(one);
    const run = await edgeimg(program, ["build", ...(one.args ?? [])], { cwd: project, env: one.env ?? {} });
    judge(t, one, run);
  });
}

t.test("a tampered download", async (t) => {
  const server = createServer((_request, response) => response.end("not what was pinned"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const source = `{ purl: 'pkg:npm/tampered@1.0.0', path: m.onnx, sha256: ${"ab".repeat(32)} }`;
  const one: Case = {
    what: "a tampered download",
    files: { "edgeimg.yaml": yaml(`models: { m: { onnx: ${source} } }\n`) },
    env: { npm_config_registry: `http://127.0.0.1:${port}/` },
    code: "ERR_EDGEIMG_FETCH_HASH",
    exit: 3,
    says: /expected sha256 abab/,
  };
  const run = await edgeimg(program, ["build"], { cwd: await newProject(one), env: one.env ?? {} });
  judge(t, one, run);
});

function judge(t: Test, one: Case, run: Run): void {
  t.equal(run.code, one.exit, `exit code; ${run.stderr.slice(-800)}`);
  t.match(run.stderr, one.code);
  t.match(run.stderr, one.says);
  t.match(run.stderr, "help:", "a remedy");
  t.notMatch(run.stderr, /\n\s+at .*\(|node:internal|file:\/\//, "no stack trace");
  const lines = run.stderr.slice(run.stderr.indexOf("error ")).trim().split("\n");
  t.ok(lines.length <= 16, `${lines.length} lines`);
}

async function newProject(one: Case): Promise<string> {
  const project = join(folder, `project-${made++}`);
  const files: Record<string, string | Uint8Array> = { "edgeimg.yaml": yaml(""), "main.ts": app, ...one.files };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(project, path, ".."), { recursive: true });
    await writeFile(join(project, path), content);
  }
  await one.prepare?.(project);
  return project;
}

/** A whole lock, then one of its sets renamed. */
async function loseSet(project: string): Promise<void> {
  await edgeimg(program, ["lock", "--update"], { cwd: project });
  const file = join(project, "edgeimg.lock");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"sysroot/arm64"', '"sysroot/other-arm64"'));
  await chmod(file, 0o444);
}

async function otherArch(): Promise<string> {
  const toy = await readFile(new URL("../fixtures/engines/toy/recipe.yaml", import.meta.url), "utf8");
  return toy.replace("name: toy", "name: armv7-only").replace("arch: [arm64, armhf]", "arch: [armhf]");
}
