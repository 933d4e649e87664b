import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import t from "tap";
import { type EngineEnd, engineFailure } from "../../src/model/engine-failure.js";
import { renderSidecar } from "../../src/model/sidecar.js";
import { appFolder, type Finished, runSource } from "../helpers/edge-app.js";
import { toolbox } from "../helpers/toolbox.js";
import { type TinyModel, tinyOnnx } from "../model/onnx-builder.js";

const app = await appFolder();
t.teardown(app.remove);
const { qemuAarch64, sysroot, edgeNnRun, engines } = await toolbox();

/** Models of MNN, which test/fixtures/mnn/make.mjs makes. */
const mnnModel = (name: string): Promise<Uint8Array> =>
  readFile(new URL(`../fixtures/mnn/${name}.mnn`, import.meta.url));

/** y = x * 2 for x of 1 x 2 x (4 or 8) x 4, in the form that each engine reads. */
const models: Record<"mnn" | "ncnn" | "onnxruntime", Readonly<Record<string, string | Uint8Array>>> = {
  mnn: {
    "m.mnn": await mnnModel("double"),
    "model.edge": "edge-nn 1\nengine mnn\nfile model m.mnn\ninput x f32 dims=1,2,4..8/4,4\noutput y f32\n",
  },
  ncnn: {
    "m.param": "7767517\n2 2\nInput in0 0 1 in0\nBinaryOp double 1 1 in0 out0 0=2 1=1 2=2.0\n",
    "m.bin": "",
    "model.edge":
      "edge-nn 1\nengine ncnn\nfile param m.param\nfile weights m.bin\n" +
      "input x f32 blob=in0 dims=1,2,4..8/4,4\noutput y f32 blob=out0\n",
  },
  onnxruntime: {
    "m.onnx": tinyOnnx({
      nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
      inputs: [{ name: "x", shape: [1, 2, "h", 4] }],
      outputs: [{ name: "y", shape: [1, 2, "h", 4] }],
    }),
    "model.edge": "edge-nn 1\nengine onnxruntime\nfile model m.onnx\ninput x f32 dims=1,2,4..8/4,4\noutput y f32\n",
  },
};

const source = `import { load, engine } from "edge:nn";
  const show = (value) => console.log(JSON.stringify(value, (key, item) => ArrayBuffer.isView(item) ? Array.from(item) : item));
  const tensor = (h, first = 0) => ({ shape: [1, 2, h, 4], data: Float32Array.from({ length: 8 * h }, (_, i) => i + first) });
  const code = (promise) => promise.then(() => "done", (error) => error.code ?? error.name);\n`;

/** Four scale factors for a million values, which ncnn does not compare: a layer that crashes, between two that do not. */
const crashing: Readonly<Record<string, string | Uint8Array>> = {
  "m.param":
    "7767517\n4 4\nInput in0 0 1 in0\nBinaryOp double 1 1 in0 1 0=2 1=1 2=2.0\nScale too_few 1 1 1 2 0=4\nReLU last 1 1 2 out0\n",
  "m.bin": new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
  "model.edge":
    "edge-nn 1\nengine ncnn\nfile param m.param\nfile weights m.bin\n" +
    "input x f32 blob=in0 dims=4..4000000\noutput y f32 blob=out0\n",
};

t.test("ncnn: with EDGE_NN_TRACE each layer is told before it begins, so that a crash has a place", async (t) => {
  const folder = join(app.path, "crashing");
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(crashing)) await writeFile(join(folder, name), content);
  const run = async (size: number, settings: readonly string[] = []): Promise<EngineEnd> => {
    const input = join(folder, "x.bin");
    await writeFile(input, new Uint8Array(4 * size));
    const { stdout, stderr, signal, exitCode } = await execa(
      qemuAarch64,
      [
        ...["-cpu", "cortex-a53", "-L", sysroot, ...settings, edgeNnRun, "--engine", engines.ncnn, "--model", folder],
        ...["--input", "x", input, String(size)],
      ],
      { reject: false, cwd: folder },
    );
    return { stdout, stderr, signal, exitCode };
  };
  const traced = ["-E", "EDGE_NN_TRACE=1"];
  const end = await run(4_000_000);
  t.not(end.exitCode, 0);
  t.notMatch(end.stderr, /^layer /m, "nothing is told unasked");
  const failure = { model: "m", engine: "ncnn", instead: ["onnxruntime"], cpu: "cortex-a53", shapes: "x 4000000", end };
  t.match(engineFailure({ ...failure, traced: await run(4_000_000, traced) }), {
    code: "ERR_EDGEIMG_MODEL_OPERATOR",
    message: /^Model m: ncnn crashed \(SIG\w+\) at x 4000000, in layer Scale \(too_few\)\.$/,
    hint: /--engine onnxruntime.*without the operator of layer Scale \(too_few\)/,
  });
  const fine = await run(4, traced);
  t.equal(fine.stderr, "layer BinaryOp double\nlayer Scale too_few\nlayer ReLU last\n".trim());
  t.match(fine.stdout, /"output":"y","type":"f32","shape":\[1,4\]/);
  t.equal((await run(4)).stdout, fine.stdout, "the trace changes no result");
});

const nnRun = (engine: keyof typeof models, ...args: string[]): Promise<{ exitCode?: number; stdout: string }> =>
  execa(qemuAarch64, ["-cpu", "cortex-a53", "-L", sysroot, edgeNnRun, "--engine", engines[engine], ...args], {
    reject: false,
  });

for (const engine of ["mnn", "ncnn", "onnxruntime"] as const) {
  const folder = join(app.path, engine);
  const run = (code: string): Promise<Finished> =>
    runSource(app.path, source + code, { flags: ["--engine", engines[engine], "--models", folder] });
  const shown = async (code: string): Promise<unknown[]> => {
    const { code: exit, stdout, stderr } = await run(code);
    if (exit !== 0) throw new Error(stdout + stderr);
    return stdout
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith('{"edgeimg"'))
      .map((line): unknown => JSON.parse(line));
  };

  t.test(`${engine}: a model runs and gives its tensors`, async (t) => {
    await mkdir(join(folder, "double"), { recursive: true });
    await mkdir(join(folder, "empty"), { recursive: true });
    for (const [name, content] of Object.entries(models[engine]))
      await writeFile(join(folder, "double", name), content);
    const { code, stdout, milestones } = await run(`
      const model = await load("double", { threads: 1 });
      show([engine.name, model.name, model.inputs, model.outputs.map(({ name, type }) => [name, type])]);
      const { y } = await model.run({ x: tensor(4) });
      show([y.shape, y.data instanceof Float32Array, y.data]);
      show((await model.run({ x: tensor(8, 100) })).y.shape);
      const fit = (...args) => { try { return model.fit(...args); } catch (error) { return error.code ?? error.name; } };
      show([[1, 2, 1, 1], [1, 2, 5, 4], [9, 2, 4, 4], [1, 2, 9, 9], [1, 2, 4], [1, 2, 0, 4], "1"].map((shape) => fit("x", shape)));
      show([fit("z", [1]), fit(5, [1]), fit("x")]);`);
    t.equal(code, 0, stdout);
    const [info, first, second, fitted, misused] = stdout
      .split("\n")
      .filter((line) => line.startsWith("["))
      .map((line): unknown => JSON.parse(line));
    const fixed = (size: number): unknown => ({ min: size, max: size, step: 1 });
    t.same(info, [
      engine,
      "double",
      [{ name: "x", type: "f32", dimensions: [fixed(1), fixed(2), { min: 4, max: 8, step: 4 }, fixed(4)] }],
      [["y", "f32"]],
    ]);
    t.same(first, [[1, 2, 4, 4], true, Array.from({ length: 32 }, (_, i) => 2 * i)]);
    t.same(second, [1, 2, 8, 4]);
    const [small, large] = [
      [1, 2, 4, 4],
      [1, 2, 8, 4],
    ];
    t.same(fitted, [small, large, small, large, "SHAPE", "RangeError", "ARGUMENT"]);
    t.same(misused, ["ARGUMENT", "ARGUMENT", "ARGUMENT"]);
    t.match(milestones[0], { edgeimg: "model-loaded", model: "double", engine, version: /./, ms: Number });
  });

  t.test(`${engine}: what was not declared is refused with a code`, async (t) => {
    t.same(
      await shown(`const model = await load("double");
        const bad = (shape, data) => code(model.run({ x: { shape, data } }));
        show(await Promise.all([
          bad([1, 2, 5, 4], new Float32Array(40)), bad([1, 2, 12, 4], new Float32Array(96)), bad([2, 4, 4], new Float32Array(32)),
          bad([1, 2, 4, 4], new Float64Array(32)), bad([1, 2, 4, 4], new Uint8Array(32)), bad([1, 2, 4, 4], Array(32).fill(0)),
          bad([1, 2, 4, 4], new Float32Array(31)), bad([1, 2, -4, 4], new Float32Array(32)), bad("1", new Float32Array(1)),
          bad([1, 2, 4, 4, 1, 1, 1, 1, 1], new Float32Array(32)), bad([65536, 65536, 65536, 65536], new Float32Array(1)),
          code(model.run({})), code(model.run({ x: tensor(4), z: tensor(4) })), code(model.run()), code(model.run({ x: tensor(4) })),
        ]));
        show(await Promise.all([code(load("nowhere")), code(load("empty")), code(load("../double")), code(load("")), code(load(".")), code(load("a/b")),
          code(load(5)), code(load("double", { threads: 0 })), code(load("double", { threads: 1e9 })), code(load("double", { thread: 1 }))]));`),
      [
        [
          ...["SHAPE", "SHAPE", "SHAPE", "TYPE", "TYPE", "TYPE"],
          ...[
            "ARGUMENT",
            "RangeError",
            "ARGUMENT",
            "RangeError",
            "ARGUMENT",
            "ARGUMENT",
            "ARGUMENT",
            "ARGUMENT",
            "done",
          ],
        ],
        [
          "MODEL",
          "MODEL",
          "ARGUMENT",
          "ARGUMENT",
          "ARGUMENT",
          "ARGUMENT",
          "ARGUMENT",
          "RangeError",
          "RangeError",
          "ARGUMENT",
        ],
      ],
    );
  });

  t.test(`${engine}: runs of one model are queued, others run at once, closing refuses what waits`, async (t) => {
    t.same(
      await shown(`const [a, b] = await Promise.all([load("double"), load("double")]);
        const first = (promise) => promise.then(({ y }) => y.data[0]);
        show(await Promise.all(Array.from({ length: 20 }, (_, i) => first((i % 2 ? a : b).run({ x: tensor(i % 3 ? 4 : 8, i) })))));
        const codes = [1, 2, 3].map(() => code(a.run({ x: tensor(4) })));
        a.close(); a.close();
        codes.push(code(a.run({ x: tensor(4) })));
        show(await Promise.all(codes));
        show(await first(b.run({ x: tensor(4, 7) })));
        b.run({ x: tensor(4) }); // nobody waits for it, nothing holds the model
        show([await code((async () => a.run.call({}))())]);`),
      [Array.from({ length: 20 }, (_, i) => 2 * i), ["done", "ARGUMENT", "ARGUMENT", "ARGUMENT"], 14, ["TypeError"]],
    );
  });

  t.test(`${engine}: edge-nn-run runs raw tensors`, async (t) => {
    const [input, output] = [join(app.path, "in.raw"), join(app.path, "out.raw")];
    await writeFile(input, new Uint8Array(Float32Array.from({ length: 32 }, (_, i) => i - 5).buffer));
    const call = (...args: string[]) => nnRun(engine, ...args);
    const model = ["--model", join(folder, "double")];
    const good = await call(...model, "--input", "x", input, "1x2x4x4", "--output", "y", output);
    t.equal(good.exitCode, 0);
    t.match(
      good.stdout.split("\n").map((line): unknown => JSON.parse(line)),
      [
        { engine, version: /./ },
        { output: "y", type: "f32", shape: [1, 2, 4, 4], bytes: 128 },
      ],
    );
    const bytes = await readFile(output);
    t.same(
      Array.from({ length: 32 }, (_, i) => bytes.readFloatLE(4 * i)),
      Array.from({ length: 32 }, (_, i) => 2 * i - 10),
    );
    const refused: [number, string, string[]][] = [
      [3, "SHAPE", [...model, "--input", "x", input, "1x2x2x8"]],
      [3, "ARGUMENT", [...model, "--input", "z", input, "1x2x4x4"]],
      [3, "ARGUMENT", [...model, "--input", "x", input, "1x2x4x4", "--output", "z", output]],
      [3, "MODEL", ["--model", join(folder, "empty")]],
      [2, "ARGUMENT", [...model, "--input", "x", input, "1x2x8x4"]],
      [2, "ARGUMENT", [...model, "--input", "x", `${input}.no`, "1x2x4x4"]],
    ];
    for (const [exit, status, args] of refused) {
      const { exitCode, stdout } = await call(...args);
      t.equal(exitCode, exit, args.join(" "));
      t.match(JSON.parse(stdout.split("\n").at(-1) ?? ""), { status, error: /./ }, args.join(" "));
    }
  });
}

/** Rows: what is odd about the name of an input, and of an output. */
const oddNames: readonly (readonly [input: string, output: string])[] = [
  ["a=b", "y=1"],
  ["=", "=="],
  ["a b", " y "],
  ["scope/x:0", "scope/y:0"],
  ["größe", "結果"],
  ["--model", "--input"],
  ["%3d#", "50%"],
  ["../x", "/y"],
];

t.test(
  "of whole shapes, fit gives the smallest that holds what is wanted, else the one that loses least",
  async (t) => {
    const folder = join(app.path, "whole");
    await mkdir(join(folder, "double"), { recursive: true });
    const shapes = "shapes=1,2,8,8;1,2,4,4;1,2,4,16";
    for (const [name, content] of Object.entries(models.onnxruntime))
      await writeFile(
        join(folder, "double", name),
        typeof content === "string" ? content.replace("dims=1,2,4..8/4,4", shapes) : content,
      );
    const code = `const model = await load("double");
    show(model.inputs[0].shapes);
    show([[1, 2, 1, 1], [1, 2, 3, 5], [1, 2, 5, 5], [1, 2, 9, 9], [1, 2, 5, 30], [1, 2, 100, 8]].map((shape) => model.fit("x", shape)));`;
    const { stdout } = await runSource(app.path, source + code, {
      flags: ["--engine", engines.onnxruntime, "--models", folder],
    });
    const [all, fitted] = stdout
      .split("\n")
      .filter((line) => line.startsWith("["))
      .map((line): unknown => JSON.parse(line));
    const [square, small, wide] = [
      [1, 2, 8, 8],
      [1, 2, 4, 4],
      [1, 2, 4, 16],
    ];
    t.same(all, [square, small, wide]);
    t.same(fitted, [small, square, square, square, wide, square]);
  },
);

for (const engine of ["ncnn", "onnxruntime"] as const)
  for (const [input, output] of oddNames)
    t.test(`${engine}: edge-nn-run takes the port names ${input} and ${output}, in files named so`, async (t) => {
      const folder = t.testdir();
      const files = {
        ...models[engine],
        ...(engine === "ncnn"
          ? {}
          : {
              "m.onnx": tinyOnnx({
                nodes: [{ op: "Add", inputs: [input, input], outputs: [output] }],
                inputs: [{ name: input, shape: [1, 2, 4, 4] }],
                outputs: [{ name: output, shape: [1, 2, 4, 4] }],
              }),
            }),
      };
      for (const [name, content] of Object.entries(files))
        if (name !== "model.edge") await writeFile(join(folder, name), content);
      const dims = [1, 2, 4, 4].map((size) => ({ min: size, max: size, step: 1 }));
      await writeFile(
        join(folder, "model.edge"),
        renderSidecar({
          engine,
          files: engine === "ncnn" ? { param: "m.param", weights: "m.bin" } : { model: "m.onnx" },
          inputs: [{ name: input, type: "f32", allowed: { dims }, ...(engine === "ncnn" ? { blob: "in0" } : {}) }],
          outputs: [{ name: output, type: "f32", ...(engine === "ncnn" ? { blob: "out0" } : {}) }],
        }),
      );
      const [from, to] = [join(folder, "a=b:c d.é"), join(folder, "=:out")];
      await writeFile(from, new Uint8Array(Float32Array.from({ length: 32 }, (_, i) => i).buffer));
      const { stdout, exitCode } = await nnRun(
        engine,
        ...["--model", folder, "--input", input, from, "1x2x4x4", "--output", output, to],
      );
      t.equal(exitCode, 0, stdout);
      t.match(JSON.parse(stdout.split("\n")[1] ?? ""), { output });
      t.equal((await readFile(to)).readFloatLE(4 * 31), 62);
    });

t.test("mnn: with EDGE_NN_TRACE each layer is told before it begins, and no result changes", async (t) => {
  const folder = t.testdir();
  for (const [name, content] of Object.entries(models.mnn)) await writeFile(join(folder, name), content);
  const input = join(folder, "x");
  await writeFile(input, new Uint8Array(128));
  const run = (...settings: string[]) =>
    execa(qemuAarch64, [
      ...["-cpu", "cortex-a53", "-L", sysroot, ...settings, edgeNnRun, "--engine", engines.mnn, "--model", folder],
      ...["--input", "x", input, "1x2x4x4"],
    ]);
  const traced = await run("-E", "EDGE_NN_TRACE=1");
  t.match(traced.stderr, /^layer BinaryOp y$/m);
  const quiet = await run();
  t.equal(quiet.stderr, "");
  t.equal(quiet.stdout, traced.stdout);
});

t.test("mnn: integers of 64 bits go through its 32, and those that do not fit are refused", async (t) => {
  const folder = t.testdir({
    "model.edge": "edge-nn 1\nengine mnn\nfile model m.mnn\ninput x i64 dims=3\noutput y i64\n",
  });
  await writeFile(join(folder, "m.mnn"), await mnnModel("ids"));
  const [input, output] = [join(folder, "x"), join(folder, "y")];
  const run = async (...values: bigint[]) => {
    await writeFile(input, new Uint8Array(BigInt64Array.from(values).buffer));
    return await nnRun("mnn", ...["--model", folder, "--input", "x", input, "3", "--output", "y", output]);
  };
  t.equal((await run(1n, -5n, 2n ** 30n - 1n)).exitCode, 0);
  const bytes = await readFile(output);
  t.same(
    [0, 8, 16].map((at) => bytes.readBigInt64LE(at)),
    [2n, -10n, 2n ** 31n - 2n],
  );
  for (const value of [2n ** 31n, -(2n ** 31n) - 1n]) {
    const refused = await run(1n, value, 3n);
    t.equal(refused.exitCode, 3);
    t.match(JSON.parse(refused.stdout.split("\n").at(-1) ?? ""), {
      status: "ENGINE",
      error: `input x: ${value} does not fit into the 32 bits that MNN has`,
    });
  }
});

t.test("mnn: a file that is no model of its, or a damaged one, is refused and nothing is printed", async (t) => {
  const good = await mnnModel("double");
  const damaged: Readonly<Record<string, Uint8Array>> = {
    empty: new Uint8Array(0),
    short: good.subarray(0, good.length / 2),
    zeros: new Uint8Array(400),
    text: new TextEncoder().encode("edge-nn 1\n".repeat(40)),
  };
  for (const [what, content] of Object.entries(damaged)) {
    const folder = t.testdir({ "model.edge": String(models.mnn["model.edge"]) });
    await writeFile(join(folder, "m.mnn"), content);
    await writeFile(join(folder, "x"), new Uint8Array(128));
    const { exitCode, stdout } = await nnRun(
      "mnn",
      ...["--model", folder, "--input", "x", join(folder, "x"), "1x2x4x4"],
    );
    t.equal(exitCode, 3, what);
    t.match(JSON.parse(stdout), { status: "ENGINE", error: /^MNN cannot read .*m\.mnn/ }, what);
  }
});

const none = { name: "none", shape: [0], values: [], type: 7 };
const x = { name: "x", shape: [1, 2, 4, 4] };
const y = (...shape: (number | string)[]) => ({ name: "y", shape });
const gathered = (axis: number) => ({ op: "Gather", inputs: ["x", "none"], outputs: ["y"], int: { axis } });

/** Rows: models whose result `y` has no elements, its type, its shape. */
const emptyResults: readonly (readonly [
  what: string,
  type: "f32" | "i64",
  shape: readonly number[],
  model: TinyModel,
])[] = [
  [
    "nothing first",
    "f32",
    [0, 2, 4, 4],
    { nodes: [gathered(0)], weights: [none], inputs: [x], outputs: [y("n", 2, 4, 4)] },
  ],
  [
    "nothing within",
    "f32",
    [1, 2, 0, 4],
    { nodes: [gathered(2)], weights: [none], inputs: [x], outputs: [y(1, 2, 0, 4)] },
  ],
  [
    "nothing last",
    "f32",
    [1, 2, 4, 0],
    { nodes: [gathered(3)], weights: [none], inputs: [x], outputs: [y(1, 2, 4, "n")] },
  ],
  [
    "NonZero of zeros",
    "i64",
    [4, 0],
    {
      nodes: [
        { op: "Sub", inputs: ["x", "x"], outputs: ["zeros"] },
        { op: "NonZero", inputs: ["zeros"], outputs: ["y"] },
      ],
      inputs: [x],
      outputs: [{ ...y(4, "n"), type: 7 }],
    },
  ],
  [
    "NonMaxSuppression that keeps nothing",
    "i64",
    [0, 3],
    {
      nodes: [
        { op: "Reshape", inputs: ["x", "eight boxes"], outputs: ["boxes"] },
        { op: "Slice", inputs: ["boxes", "0", "1", "2"], outputs: ["columns"] },
        { op: "Transpose", inputs: ["columns"], outputs: ["scores"], ints: { perm: [0, 2, 1] } },
        { op: "NonMaxSuppression", inputs: ["boxes", "scores", "most", "overlap", "least"], outputs: ["y"] },
      ],
      weights: [
        { name: "eight boxes", shape: [3], values: [1, 8, 4], type: 7 },
        ...[0, 1, 2].map((value) => ({ name: String(value), shape: [1], values: [value], type: 7 })),
        { name: "most", shape: [1], values: [10], type: 7 },
        { name: "overlap", shape: [1], values: [0.5] },
        { name: "least", shape: [1], values: [1e6] },
      ],
      inputs: [x],
      outputs: [{ ...y("n", 3), type: 7 }],
    },
  ],
  [
    "Slice to nothing",
    "f32",
    [1, 0, 4, 4],
    {
      nodes: [{ op: "Slice", inputs: ["x", "1", "1", "1"], outputs: ["y"] }],
      weights: [{ name: "1", shape: [1], values: [1], type: 7 }],
      inputs: [x],
      outputs: [y(1, "n", 4, 4)],
    },
  ],
  [
    "Where on nothing, beside a result",
    "f32",
    [1, 2, 0, 4],
    {
      nodes: [
        { op: "Gather", inputs: ["x", "none"], outputs: ["few"], int: { axis: 2 } },
        { op: "Equal", inputs: ["few", "few"], outputs: ["same"] },
        { op: "Where", inputs: ["same", "few", "few"], outputs: ["y"] },
        { op: "Add", inputs: ["x", "x"], outputs: ["z"] },
      ],
      weights: [none],
      inputs: [x],
      outputs: [y(1, 2, "n", 4), { name: "z", shape: [1, 2, 4, 4] }],
    },
  ],
];

for (const [what, type, shape, model] of emptyResults)
  t.test(`onnxruntime: ${what} is a tensor`, async (t) => {
    const models = t.testdir({ m: {} });
    await writeFile(join(models, "m/m.onnx"), tinyOnnx(model));
    await writeFile(
      join(models, "m/model.edge"),
      `edge-nn 1\nengine onnxruntime\nfile model m.onnx\ninput x f32 dims=1,2,4,4\noutput y ${type}\n${model.outputs.length > 1 ? "output z f32\n" : ""}`,
    );
    const { code, stdout } = await runSource(
      app.path,
      `${source} const { y, z } = await (await load("m")).run({ x: tensor(4) });
      show([y.shape, y.data.length, y.data.constructor.name, z?.data[31]]);`,
      { flags: ["--engine", engines.onnxruntime, "--models", models] },
    );
    t.equal(code, 0, stdout);
    const line = stdout.split("\n").find((one) => one.startsWith("[")) ?? "null";
    t.same(JSON.parse(line), [
      shape,
      0,
      type === "i64" ? "BigInt64Array" : "Float32Array",
      model.outputs.length > 1 ? 62 : null,
    ]);
    const [input, output] = [join(models, "in"), join(models, "out")];
    await writeFile(input, new Uint8Array(128));
    const ran = await nnRun(
      "onnxruntime",
      ...["--model", join(models, "m"), "--input", "x", input, "1x2x4x4", "--output", "y", output],
    );
    t.equal(ran.exitCode, 0, ran.stdout);
    t.match(JSON.parse(ran.stdout.split("\n")[1] ?? ""), { output: "y", shape, bytes: 0 });
    t.equal((await readFile(output)).length, 0);
  });

/** Rows: the input's shape, as ncnn has it without the leading 1; the declaration of the output; what comes, or what is said. */
const ncnnOutputs: readonly (readonly [input: string, declared: string, expected: readonly number[] | RegExp])[] = [
  ["1x2x4x4", "", [1, 2, 4, 4]],
  ["1x2x4x4", "dims=1,2,4,4", [1, 2, 4, 4]],
  ["1x2x4x4", "dims=2,4,4", [2, 4, 4]],
  ["1x2x4x4", "dims=2,1,4,1,4", [2, 1, 4, 1, 4]],
  ["1x2x4x4", "dims=2,4,4,1", [2, 4, 4, 1]],
  ["1x2x4x4", "dims=0..99,0..99,0..99,0..99,4", [1, 1, 2, 4, 4]],
  ["1x8", "dims=8", [8]],
  ["1x8", "dims=8,1", [8, 1]],
  ["8", "dims=1,8", [1, 8]],
  ["1x2x2x2x3", "dims=1,2,2,2,3", [1, 2, 2, 2, 3]],
  ["1x2x2x2x3", "dims=2,2,2,3", [2, 2, 2, 3]],
  ["1", "dims=scalar", []],
  ["1x1x1", "dims=scalar", []],
  ["1", "dims=1,1,1,1,1", [1, 1, 1, 1, 1]],
  ["1x8", "dims=1,0,4", [1, 0, 4]],
  ["1x2x4x4", "dims=8,4", /output y: shape 1x2x4x4 has 4 dimensions, declared are 2/],
  ["1x2x4x4", "dims=4,2,4", /output y: shape 1x2x4x4 has 4 dimensions, declared are 3/],
  ["1x8", "dims=scalar", /output y: shape 1x8 has 2 dimensions, declared are 0/],
];
for (const [shape, declared, expected] of ncnnOutputs)
  t.test(`ncnn: a result of ${shape} declared ${declared || "nowhere"}`, async (t) => {
    const folder = t.testdir({ "m.param": models.ncnn["m.param"] ?? "", "m.bin": "" });
    const sizes = shape.split("x").map(Number);
    await writeFile(
      join(folder, "model.edge"),
      `edge-nn 1\nengine ncnn\nfile param m.param\nfile weights m.bin\ninput x f32 blob=in0 dims=${sizes.join(",")}\noutput y f32 blob=out0 ${declared}\n`,
    );
    const values = Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, (_, i) => i + 1);
    await writeFile(join(folder, "in"), new Uint8Array(values.buffer));
    const { stdout, exitCode } = await nnRun(
      "ncnn",
      ...["--model", folder, "--input", "x", join(folder, "in"), shape, "--output", "y", join(folder, "out")],
    );
    if (expected instanceof RegExp) {
      t.equal(exitCode, 3);
      t.match(stdout, expected);
      return;
    }
    t.equal(exitCode, 0, stdout);
    t.match(JSON.parse(stdout.split("\n")[1] ?? ""), { output: "y", shape: expected });
    const bytes = await readFile(join(folder, "out"));
    const doubled = expected.includes(0) ? [] : Array.from(values, (value) => 2 * value);
    t.same(
      Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)),
      doubled,
    );
  });

t.test("edge-nn-run checks its command line", async (t) => {
  const base = ["--engine", "/nowhere.so", "--model", "m"];
  const cases: [number, string[]][] = [
    [2, []],
    [2, base.slice(2)],
    [2, base.slice(1)],
    [2, [...base, "--input", "x"]],
    [2, [...base, "--input", "x", "file"]],
    [2, [...base, "--output", "x"]],
    [2, [...base, "--inputs", "x", "file", "1"]],
    [2, [...base, "--threads", "x"]],
    [3, base],
  ];
  for (const [exit, args] of cases)
    t.equal(
      (await execa(qemuAarch64, ["-L", sysroot, edgeNnRun, ...args], { reject: false })).exitCode,
      exit,
      args.join(" "),
    );
});

t.test("an app without an engine may not import edge:nn, and is told so", async (t) => {
  const { code, milestones } = await runSource(app.path, 'import "edge:nn";', { flags: ["--engine", "/nowhere.so"] });
  t.equal(code, 1);
  t.match(milestones[0], { edgeimg: "app-error", message: /cannot open the engine.*nowhere\.so/ });
});
