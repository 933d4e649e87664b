import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import t from "tap";
import * as tar from "tar";
import { prepareMatrix } from "../../src/api/session/prepare.js";
import type { Context } from "../../src/api/types.js";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { sourceKey } from "../../src/catalog/source.js";
import { execute } from "../../src/execute/execute.js";
import type { BuildEvent } from "../../src/ground/events.js";
import { mergePlans } from "../../src/plan/merge.js";
import { treePath } from "../../src/store/store.js";
import { appFolder, runSource } from "../helpers/edge-app.js";
import { toolbox } from "../helpers/toolbox.js";

/**
 * Engines that no registry carries, as far as they can be tried without them: the archive that the user would supply is one of ours with
 * a small library of the same interface, which goes through the recipe, its build and its adapter as the real one would.
 */
const standIns = fileURLToPath(new URL("../fixtures/engines-api/", import.meta.url));
const { qemuAarch64, sysroot, edgeNnRun } = await toolbox();
const home = fileURLToPath(new URL("../../", import.meta.url));
/** A board of the project's own: the one whose programs the group has, with a GPU. */
const board = "rpi4";
const project = await mkdtemp(join(tmpdir(), "edgeimg-unverified-"));
t.teardown(() => rm(project, { recursive: true, force: true }));

await mkdir(join(project, "board-configs"));
await writeFile(
  join(project, "board-configs", `${board}.yaml`),
  `${await readFile(join(home, "board-configs", `${board}.yaml`), "utf8")}\naccelerators: [cuda]\n`,
);

const events: BuildEvent[] = [];
const context: Context = {
  cwd: project,
  env: process.env,
  now: () => performance.now(),
  date: Date.now,
  emit: (event) => events.push(event),
  signal: new AbortController().signal,
};

interface StandIn {
  readonly engine: string;
  /** The key under `supplied`, by the recipe. */
  readonly key: string;
  /** Where the files of test/fixtures/engines-api go in the archive. */
  readonly files: Readonly<Record<string, string>>;
  /** The libraries that are in the archive already, and the source that each is compiled from, in the archive. */
  readonly libraries?: Readonly<Record<string, string>>;
  /** The model's file, where it is not the network's text alone. */
  readonly wrap?: (network: string) => Uint8Array;
  /** The model's file name, where the engine looks at it. */
  readonly model?: string;
}

const dense = { "common/dense.h": "dense.h" };
const engines: readonly StandIn[] = [
  {
    engine: "tengine-lite",
    key: sourceKey({ purl: "pkg:github/OAID/Tengine@lite-v1.5" }),
    files: { "tengine-lite/tengine.c": "tengine.c", "tengine-lite/CMakeLists.txt": "CMakeLists.txt", ...dense },
  },
  {
    engine: "tengine",
    key: sourceKey({ purl: "pkg:github/OAID/Tengine@v1.12.0" }),
    files: { "tengine-lite/tengine.c": "tengine.c", "tengine/CMakeLists.txt": "CMakeLists.txt", ...dense },
  },
  {
    engine: "paddle-lite",
    key: sourceKey({
      purl: "pkg:github/PaddlePaddle/Paddle-Lite@v2.12",
      file: "inference_lite_lib.armlinux.armv8.gcc.with_extra.with_cv.tar.gz",
    }),
    files: {
      "paddle-lite/paddle.cpp": "cxx/include/paddle.cpp",
      "paddle-lite/paddle_api.h": "cxx/include/paddle_api.h",
      "paddle-lite/paddle_place.h": "cxx/include/paddle_place.h",
    },
    libraries: { "cxx/lib/libpaddle_light_api_shared.so": "cxx/include/paddle.cpp" },
  },
  {
    engine: "mace",
    key: sourceKey({ purl: "pkg:github/XiaoMi/mace@v0.13.0", file: "mace-aarch64-linux-gnu.tar.gz" }),
    files: { "mace/mace.cpp": "include/mace.cpp", "mace/public/mace.h": "include/mace/public/mace.h" },
    libraries: { "lib/libmace.so": "include/mace.cpp" },
    wrap: (graph) => {
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(Buffer.byteLength(graph)));
      return Buffer.concat([size, Buffer.from(graph), Buffer.from("data")]);
    },
  },
  {
    engine: "tensorrt",
    key: sourceKey({ purl: "pkg:generic/tensorrt@8.2.1", file: "tensorrt-8.2.1-jetpack-4.6.tar.gz" }),
    files: { tensorrt: "include", ...dense },
    libraries: {
      "lib/libnvinfer.so.8": "include/nvinfer.cpp",
      "lib/libnvonnxparser.so.8": "include/nvonnxparser.cpp",
      "lib/libnvinfer_plugin.so.8": "include/nvinfer_plugin.cpp",
      "lib/libcudart.so.10.2": "include/cudart.cpp",
      // What the real libraries open by themselves; ours have no use for them.
      ...Object.fromEntries(
        ["cudnn.so.8", "cudnn_ops_infer.so.8", "cudnn_cnn_infer.so.8", "cublas.so.10", "cublasLt.so.10"].map((name) => [
          `lib/lib${name}`,
          "include/nvinfer_plugin.cpp",
        ]),
      ),
    },
    model: "m.onnx",
  },
];

/** Puts a stand-in's archive into the folder `sources`, and tells its sha256. */
async function supply({ engine, files, libraries = {} }: StandIn): Promise<string> {
  const folder = join(project, "packing", engine, "source");
  for (const [from, to] of Object.entries(files)) await cp(join(standIns, from), join(folder, to), { recursive: true });
  for (const [file, source] of Object.entries(libraries)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await execa((process.env.EDGEIMG_TEST_GCC ?? "").replace(/gcc$/, "g++"), [
      ...["-shared", "-fPIC", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-Wl,-z,defs"],
      ...[`-I${join(standIns, "common")}`, `-I${join(folder, "include")}`, `-Wl,-soname,${basename(file)}`],
      ...[join(folder, source), "-o", join(folder, file)],
    ]);
  }
  await mkdir(join(project, "sources"), { recursive: true });
  const file = join(project, "sources", `${engine}-of-ours.tar.gz`);
  await tar.c({ cwd: join(folder, ".."), file, gzip: true, portable: true, mtime: new Date(0) }, ["source"]);
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** The adapters with their engines' libraries beside them, by engine. */
async function adapters(): Promise<ReadonlyMap<string, string>> {
  const lines: string[] = [];
  for (const one of engines) lines.push(`  "${one.key}": ${await supply(one)}\n`);
  await writeFile(join(project, "main.ts"), "console.log(1);\n");
  await writeFile(
    join(project, "edgeimg.yaml"),
    `format: 1\nname: stand-in\nboard: ${board}\nengine: ${engines[0]?.engine}\napp: { entry: main.ts }\nmatrix: { engines: [${engines
      .map(({ engine }) => engine)
      .join(", ")}] }\nsupplied:\n${lines.join("")}`,
  );
  const prepared = await prepareMatrix(context, { offline: false, locked: false });
  const [first] = prepared;
  if (first === undefined) throw new Error("nothing was prepared");
  const { services } = first;
  const merged = mergePlans(
    prepared.map(({ request, lock }) => ({ name: request.engine.recipe.name, plan: planImage(request, lock) })),
  );
  const wanted = engines.flatMap(({ engine }) => [`compile/${engine}`, `compile/${engine}-adapter`]);
  const results = await execute(merged.plan, wanted, services);
  const tree = (id: string) => treePath(services.store, results.get(id)?.digest ?? "");
  const found = new Map<string, string>();
  for (const { engine } of engines) {
    const folder = join(project, "board", engine);
    await mkdir(folder, { recursive: true });
    await cp(join(tree(`compile/${engine}-adapter`), "libedge_nn.so"), join(folder, "libedge_nn.so"));
    const libraries = join(tree(`compile/${engine}`), "usr/lib");
    for (const name of await readdir(libraries)) await cp(join(libraries, name), join(folder, name));
    found.set(engine, join(folder, "libedge_nn.so"));
  }
  return found;
}

const made = await adapters();

const network = "dense 1\ninput x 4\noutput y 2\nweights 1 0 0 0\n0 1 -1 0.5\nbias 10 -1\n";

interface Ran {
  readonly code: number | undefined;
  readonly lines: readonly Record<string, unknown>[];
  readonly values: readonly number[];
  readonly stderr: string;
}

/** Runs a model of a stand-in once under qemu-user, as a build checks models. */
async function run(
  engine: string,
  job: {
    readonly model?: string | Uint8Array;
    readonly input?: string;
    readonly shape?: string;
    readonly threads?: number;
    readonly adapter?: string;
    readonly output?: string;
    readonly values?: readonly number[];
    /** A folder for what the engine makes of the model. */
    readonly cache?: string;
    readonly file?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Ran> {
  const { model = network, input = "input x f32 dims=1..2,4", shape = "1x4", threads = 1 } = job;
  const { adapter = made.get(engine) ?? "", values = [1, 2, 3, 4] } = job;
  const { output = `output y f32 dims=${shape.replace(/[0-9]+$/, "2").replaceAll("x", ",")}` } = job;
  const standIn = engines.find((one) => one.engine === engine);
  const { wrap = (network: string) => Buffer.from(network) } = standIn ?? {};
  const { cache, env = {}, file = standIn?.model ?? "m.bin" } = job;
  const options = engine === "tensorrt" ? "option workspace-mb 512\noption fp16 0\n" : "";
  const folder = await mkdtemp(join(project, "model-"));
  await writeFile(join(folder, file), typeof model === "string" ? wrap(model) : model);
  await writeFile(
    join(folder, "model.edge"),
    `edge-nn 1\nengine ${engine}\nfile model ${file}\n${options}${input}\n${output}\n`,
  );
  await writeFile(join(folder, "x.raw"), new Uint8Array(Float32Array.from(values).buffer));
  const result = join(folder, "y.raw");
  const end = await execa(
    qemuAarch64,
    [
      ...Object.entries(env).flatMap(([key, value]) => ["-E", `${key}=${value}`]),
      ...["-cpu", "cortex-a72", "-L", sysroot, edgeNnRun, "--engine", adapter, "--model", folder],
      ...["--threads", String(threads), "--input", "x", join(folder, "x.raw"), shape, "--output", "y", result],
      ...(cache === undefined ? [] : ["--cache", cache]),
    ],
    { reject: false },
  );
  const bytes = await readFile(result).catch(() => Buffer.alloc(0));
  return {
    code: end.exitCode,
    lines: end.stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>])),
    values: [...new Float32Array(new Uint8Array(bytes).buffer)],
    stderr: end.stderr,
  };
}

t.test("a build with such an engine warns of it, and says why", async (t) => {
  const warnings = events.flatMap((event) => (event.type === "log" && event.level === "warn" ? [event.message] : []));
  for (const title of ["Tengine-lite", "Tengine", "Paddle-Lite", "MACE", "TensorRT"])
    t.equal(warnings.filter((text) => text.startsWith(`The engine ${title} is not verified: `)).length, 1, title);
});

for (const { engine } of engines) {
  t.test(`${engine}: gives what the network gives, for each declared shape`, async (t) => {
    const one = await run(engine);
    t.equal(one.code, 0, JSON.stringify(one));
    t.same(one.values, [11, 0]);
    t.match(one.lines, [{ engine, version: engine === "tensorrt" ? "8.2.1" : /-stand-in$/ }]);
    const two = await run(engine, { shape: "2x4", values: [1, 2, 3, 4, 0, 0, 0, 2] });
    t.same(two.values, [11, 0, 10, 0]);
    const deep = await run(engine, {
      model: engine === "tensorrt" ? `rank 4\n${network}` : network,
      input: "input x f32 dims=1,1,2,4",
      shape: "1x1x2x4",
      values: [1, 2, 3, 4, 0, 0, 0, 2],
    });
    t.same(deep.values, [11, 0, 10, 0], "four dimensions, in the order of the model");
    if (engine === "tengine" || engine === "tensorrt") return;
    const threaded = await run(engine, { model: `${network}threads 3\n`, threads: 3 });
    t.same(threaded.values, [11, 0], "the number of threads reaches the engine");
    t.equal((await run(engine, { model: `${network}threads 3\n`, threads: 2 })).code, 3);
  });

  t.test(`${engine}: what is wrong is refused in a sentence, without a crash`, async (t) => {
    const refused = async (job: Parameters<typeof run>[1], message: RegExp) => {
      const { code, lines, stderr } = await run(engine, job);
      t.equal(code, 3, stderr);
      t.match(lines.at(-1), { error: message });
    };
    await refused({ shape: "3x4", values: new Array(12).fill(1) }, /x .*shape|shape .*x/);
    await refused({ model: "no model" }, /cannot read/);
    await refused({ model: network.replace("input x", "input z") }, /no input x|input z is not declared|no such input/);
    await refused({ model: network.replace("output y", "output z") }, /no output y|no such output/);
    await refused({ model: `${network}fail run\n` }, /failed to run/);
    const wide = { input: "input x f32 dims=1,5", shape: "1x5", values: [1, 2, 3, 4, 5] };
    await refused(wide, /input x in this shape|input x? ?has another shape/);
    if (engine !== "mace" && engine !== "tensorrt")
      await refused({ model: `${network}fail type\n` }, /output y is not f32/);
  });
}

t.test(
  "mace: a result that does not fit its room, an exception, and an output without a shape are refused",
  async (t) => {
    const last = async (job: Parameters<typeof run>[1]) => (await run("mace", job)).lines.at(-1);
    const wider = network.replace("output y 2", "output y 3").replace("bias", "1 1 1 1\nbias 0");
    t.match(await last({ model: wider }), { error: /output y has another shape than declared/ });
    t.match(await last({ model: `${network}fail throw\n` }), { error: /MACE: failed to run/ });
    for (const size of [0, 12, 0xff])
      t.match(await last({ model: Buffer.from([size, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]) }), { error: /size of the graph/ });
    t.match(await last({ model: Buffer.from("abc") }), { error: /size of the graph/ });
    t.match(await last({ output: "output y f32" }), { status: "SHAPE", error: /output y has no fixed shape/ });
  },
);

t.test("tengine-lite: a graph that cannot be prepared, and a library without a function, are told", async (t) => {
  const prepared = await run("tengine-lite", { model: `${network}fail prerun\n` });
  t.match(prepared.lines.at(-1), { status: "ENGINE", error: /cannot prepare/ });
  const folder = join(project, "board", "lacking");
  await mkdir(folder);
  const adapter = join(folder, "libedge_nn.so");
  await cp(made.get("tengine-lite") ?? "", adapter);
  const nothing = await run("tengine-lite", { adapter });
  t.match(nothing.lines.at(-1), { status: "ENGINE", error: /cannot open Tengine-lite/ });
  await execa(process.env.EDGEIMG_TEST_GCC ?? "", [
    ...["-shared", "-fPIC", "-DTENGINE_LACKS_PRERUN", "-o", join(folder, "libtengine-lite.so")],
    ...[`-I${join(standIns, "common")}`, join(standIns, "tengine-lite/tengine.c")],
  ]);
  const lacking = await run("tengine-lite", { adapter });
  t.match(lacking.lines.at(-1), { status: "ENGINE", error: /does not export prerun_graph_multithread/ });
});

const percents = ({ lines }: Ran) => lines.flatMap(({ percent }) => (percent === undefined ? [] : [percent]));
const built = [0, 10, 30, 50, 70, 90, 100];

t.test("tensorrt: a plan is built once, kept, and built anew for another GPU or when it is damaged", async (t) => {
  const cache = join(project, "cache");
  const open = (more: Parameters<typeof run>[1] = {}) => run("tensorrt", { cache, ...more });
  const kept = async () => await Promise.all((await readdir(cache)).map((name) => readFile(join(cache, name))));
  const first = await open();
  t.same([percents(first), first.values], [built, [11, 0]], JSON.stringify(first));
  const [plan = Buffer.alloc(0), ...more] = await kept();
  t.equal(more.length, 0);
  t.match(plan.toString(), /plan of 8\.2\.1 stand-in\n0 2 1 4 2 4\n/, "built for the declared shapes");
  const second = await open();
  t.same([percents(second), second.values], [[], [11, 0]], "the second start builds nothing");
  const [name = ""] = await readdir(cache);
  await writeFile(join(cache, name), plan.subarray(0, plan.length - 7));
  t.same(percents(await open()), built, "a file that was cut off is built anew");
  t.same(await kept(), [plan]);
  t.same(percents(await open({ env: { STAND_IN_GPU: "another" } })), built);
  t.equal((await kept()).length, 1, "the plan for the other GPU went");
  const nowhere = join(project, "edgeimg.yaml", "folder");
  const lost = await open({ cache: nowhere });
  t.same([percents(lost), lost.values], [built, [11, 0]], "a place that cannot be written to is no failure");
  t.match(
    lost.lines.find(({ notKept }) => notKept !== undefined),
    { notKept: /edgeimg\.yaml\/folder: Not a directory/ },
  );
});

t.test("tensorrt: a plan of the user's own, and what is no plan", async (t) => {
  const plan = (text: string) => ({ file: "m.tensorrt", model: Buffer.from(text) });
  const own = await run("tensorrt", plan(`plan of 8.2.1 stand-in\n0 2 1 4 2 4\n${network}`));
  t.same(own.values, [11, 0]);
  const other = await run("tensorrt", plan(`plan of 8.4.0 stand-in\n0 2 1 4 2 4\n${network}`));
  t.match(other.lines.at(-1), { status: "ENGINE", error: /no plan for this version and this GPU: 1: Serialization/ });
});

t.test("tensorrt: a parser, a builder and a GPU that refuse are told in their words", async (t) => {
  const last = async (job: Parameters<typeof run>[1]) => (await run("tensorrt", job)).lines.at(-1);
  const fail = (stage: string) => ({ model: `${network}fail ${stage}\n` });
  t.match(await last(fail("parse")), { error: /cannot read the model at node 7: No importer registered for op: Foo/ });
  t.match(await last(fail("build")), { error: /cannot build the model for this GPU: 4: no variant fits/ });
  t.match(await last(fail("shape")), { error: /input x is read as a shape/ });
  t.match(await last(fail("type")), { error: /output y is of another type/ });
  t.match(await last(fail("int")), { error: /input x is of another type/ });
  t.match(await last({ env: { STAND_IN_NO_GPU: "1" } }), { error: /no GPU: no CUDA-capable device is detected/ });
});

t.test("tensorrt: an app's console tells how far a plan is, which is kept in the app's own folder", async (t) => {
  const app = await appFolder();
  t.teardown(app.remove);
  const model = join(app.path, "models/m");
  const data = join(app.path, "data");
  await mkdir(model, { recursive: true });
  await writeFile(join(model, "m.onnx"), network);
  await writeFile(
    join(model, "model.edge"),
    "edge-nn 1\nengine tensorrt\nfile model m.onnx\ninput x f32 dims=1..2,4\noutput y f32 dims=1..2,2\n",
  );
  const load = async (folder: string) => {
    const { milestones, stdout } = await runSource(app.path, 'import { load } from "edge:nn"; await load("m");', {
      flags: ["--engine", made.get("tensorrt") ?? "", "--models", join(app.path, "models"), "--data", folder],
    });
    t.ok(milestones.length > 0, stdout);
    return milestones.map(({ edgeimg, model, percent, message }) => [edgeimg, model, percent ?? message]);
  };
  const loaded = ["model-loaded", "m", undefined];
  const preparing = built.map((percent) => ["model-preparing", "m", percent]);
  t.same(await load(data), [...preparing, loaded]);
  t.same(await load(data), [loaded], "the next start");
  t.match(await readdir(join(data, "app/.cache/edgeimg/m")), [/^[0-9a-f]{64}\.kept$/]);
  const lost = await load(join(model, "m.onnx"));
  t.match(lost.at(-2), ["model-preparing", "m", 100]);
  t.match(lost.at(-3), ["model-not-kept", "m", /m\.onnx\/app\/\.cache\/edgeimg\/m: Not a directory/]);
});
