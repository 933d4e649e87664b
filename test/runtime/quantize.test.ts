import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { findKind } from "../../src/execute/kinds.js";
import { writeNpy } from "../../src/formats/npy.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { closeOnnx } from "../../src/formats/onnx-graph.js";
import { compareTensors } from "../../src/model/compare.js";
import { runOnnx } from "../../src/model/reference.js";
import { numbers, type Tensor } from "../../src/model/tensor.js";
import { prepared } from "../../src/quantize/prepare.js";
import { layersFile, lossFile } from "../../src/quantize/report.js";
import { randomFrom } from "../helpers/random.js";
import { testServices } from "../helpers/services.js";
import { type TinyModel, tinyOnnx } from "../model/onnx-builder.js";

/** Models are quantized with onnxruntime, and what comes of it is run with it: it knows nothing of how they were made. */
const runtime = process.env.EDGEIMG_TEST_ONNXRUNTIME_HOST ?? "";
if (runtime === "") throw new Error("EDGEIMG_TEST_ONNXRUNTIME_HOST is not set");

const random = randomFrom(8);
const some = (count: number, size = 1) => Array.from({ length: count }, () => (random() * 2 - 1) * size);
const positive = (count: number) => Array.from({ length: count }, () => 0.5 + random());

type Weights = NonNullable<TinyModel["weights"]>[number];
const weights = (name: string, ...shape: number[]): Weights => ({
  name,
  shape,
  values: some(
    shape.reduce((product, size) => product * size, 1),
    0.4,
  ),
});

/** A network as they are exported: batch norms apart, products by a channel, a residual sum, a pool, a product at the end. */
const network: TinyModel = {
  opset: 11,
  nodes: [
    { op: "Conv", inputs: ["x", "w1"], outputs: ["c1"], ints: { pads: [1, 1, 1, 1] } },
    { op: "BatchNormalization", inputs: ["c1", "g1", "b1", "m1", "v1"], outputs: ["n1"] },
    { op: "Relu", inputs: ["n1"], outputs: ["r1"] },
    { op: "Conv", inputs: ["r1", "w2", "b2"], outputs: ["c2"], ints: { pads: [1, 1, 1, 1] }, int: { group: 8 } },
    { op: "Mul", inputs: ["c2", "by"], outputs: ["p2"] },
    { op: "Add", inputs: ["p2", "plus"], outputs: ["a2"] },
    { op: "Add", inputs: ["a2", "r1"], outputs: ["s2"] },
    { op: "MaxPool", inputs: ["s2"], outputs: ["k2"], ints: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: "GlobalAveragePool", inputs: ["k2"], outputs: ["q"] },
    { op: "Flatten", inputs: ["q"], outputs: ["f"] },
    { op: "MatMul", inputs: ["f", "w3"], outputs: ["d"] },
    { op: "Add", inputs: ["d", "b3"], outputs: ["e"] },
    { op: "Softmax", inputs: ["e"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 3, "h", "w"] }],
  outputs: [{ name: "y", shape: [1, 5] }],
  weights: [
    weights("w1", 8, 3, 3, 3),
    ...["g1", "v1"].map((name) => ({ name, shape: [8], values: positive(8) })),
    ...["b1", "m1", "b2"].map((name) => weights(name, 8)),
    weights("w2", 8, 1, 3, 3),
    weights("by", 1, 8, 1, 1),
    weights("plus", 8, 1, 1),
    weights("w3", 8, 5),
    weights("b3", 5),
  ],
};

const picture = (values: readonly number[], shape = [1, 3, 8, 8]) =>
  writeNpy({ kind: "f", size: 4, shape, data: new Uint8Array(Float32Array.from(values).buffer) });
const pictures = Array.from({ length: 6 }, () => some(192));

/** What a model gives first for the first picture. */
const firstOutput = (root: string, name: string, model: Uint8Array) => outputFor(root, name, model, pictures[0] ?? []);

/** What a model gives first for a picture. */
async function outputFor(root: string, name: string, model: Uint8Array, values: readonly number[]): Promise<Tensor> {
  const work = join(root, `${name}-run`);
  mkdirSync(work, { recursive: true });
  const path = join(root, name);
  writeFileSync(path, model);
  const data = new Uint8Array(Float32Array.from(values).buffer);
  const input: Tensor = { name: "x", type: "f32", shape: [1, 3, 8, 8], data };
  const [result] = await runOnnx({ runtime, model: path, work }, [[input]]);
  if (result === undefined || "error" in result) throw new Error(result === undefined ? "no result" : result.error);
  const [output] = result.outputs;
  if (output === undefined) throw new Error("it has no output");
  return output;
}

let made = 0;
/** Runs one step of those that quantize. */
async function step(
  t: Test,
  root: string,
  kind: string,
  job: { readonly params: object; readonly inputs?: Readonly<Record<string, string>> },
) {
  const folder = join(root, String(made++));
  for (const name of ["out", "work", "cache"]) mkdirSync(join(folder, name), { recursive: true });
  const out = join(folder, "out");
  const logged: string[] = [];
  await findKind(kind)
    .bind({ name: "m", ...job.params })
    .run({
      services: await testServices(join(folder, "cache")),
      inputs: { ...job.inputs, reference: runtime },
      ...{ out, work: join(folder, "work"), instead: [], progress: () => {} },
      log: (_, message) => {
        logged.push(message);
        t.comment(message);
      },
    });
  return { out, logged };
}

const files = { x: { input: "calibration", path: "calibration", local: true } };
const calibration = { files };

/** Lays a model and its calibration inputs out. */
function layOut(root: string, model: TinyModel, given: readonly (readonly number[])[] = pictures, shape?: number[]) {
  const [onnx, calibration] = [join(root, `onnx${made}`), join(root, `calibration${made++}`)];
  for (const folder of [onnx, calibration]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(onnx, "model.onnx"), tinyOnnx(model));
  for (const [index, values] of given.entries())
    writeFileSync(join(calibration, `${index}.npy`), picture(values, shape));
  return { onnx, calibration };
}

const settings = {
  ...{ weights: 8, scales: "channel", codes: "symmetric", powers: false, equalize: false, correct: "none" },
  ...{ method: "min-max", keep: [] },
};

/** The whole way: calibrated, quantized, compared. */
async function quantize(
  t: Test,
  root: string,
  from: ReturnType<typeof layOut>,
  job: {
    readonly settings?: { readonly equalize?: boolean; readonly [key: string]: unknown };
    readonly loss?: object;
    readonly statistics?: string;
  } = {},
) {
  const { equalize = false } = job.settings ?? {};
  const statistics =
    job.statistics ?? (await step(t, root, "calibrate-model", { params: { calibration, equalize }, inputs: from })).out;
  const quantized = await step(t, root, "quantize-model", {
    params: { ...settings, ...job.settings },
    inputs: { onnx: from.onnx, statistics },
  });
  const loss = await step(t, root, "quantize-loss", {
    params: { calibration, equalize, metric: "cosine", ...job.loss },
    inputs: { ...from, quantized: quantized.out },
  });
  const read = (folder: string, file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  return {
    ...{ statistics, out: quantized.out, logged: quantized.logged },
    model: readFileSync(join(quantized.out, "model.onnx")),
    layers: layersFile.parse(read(quantized.out, "layers.json")),
    loss: lossFile.parse(read(loss.out, "loss.json")),
  };
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was refused",
    (error) => `${error.code}: ${error.message} ${error.hint} [${(error.key ?? []).join(".")}]`,
  );

t.test("folding changes no result, and leaves nothing to fold", async (t) => {
  const root = t.testdir({});
  const bytes = tinyOnnx(network);
  const { open } = prepared(bytes, "m");
  t.same(
    open.nodes.map(({ op }) => op),
    ["Conv", "Relu", "Conv", "Add", "MaxPool", "GlobalAveragePool", "Flatten", "MatMul", "Add", "Softmax"],
  );
  const [before, after] = [
    await firstOutput(root, "a.onnx", bytes),
    await firstOutput(root, "b.onnx", closeOnnx(open)),
  ];
  t.ok(compareTensors(before, after, { metric: "max-abs", tolerance: 1e-6 }).maxAbsolute <= 1e-6);
  t.equal(readOnnx(closeOnnx(open)).opsets.get(""), 13);
});

t.test("a whole network: little is lost, all of it computes with whole numbers, the same bytes twice", async (t) => {
  const root = t.testdir({});
  const from = layOut(root, network);
  const { layers, loss, model, statistics } = await quantize(t, root, from);
  const convolutions = readOnnx(model).graph.nodes.filter(({ op }) => op === "Conv");
  t.same(
    convolutions.map(({ attributes }) => attributes.get("kernel_shape")?.integers),
    [
      [3, 3],
      [3, 3],
    ],
    "the size of a kernel is said, as not every engine sees the shape of weights that come out of DequantizeLinear",
  );
  t.same(
    layers.layers.map(({ op, integers }) => [op, integers]),
    [
      ["Conv", true],
      ["Conv", true],
      ["MatMul", true],
    ],
  );
  t.same(layers.floats, []);
  t.ok(loss.loss < 0.001, `${loss.loss}`);
  for (const { name, sqnr } of loss.tensors) t.ok((sqnr ?? 99) > 25, `${name}: ${sqnr} dB`);
  const again = await step(t, root, "quantize-model", { params: settings, inputs: { onnx: from.onnx, statistics } });
  t.ok(readFileSync(join(again.out, "model.onnx")).equals(model), "the model");
  const twice = await step(t, root, "calibrate-model", { params: { calibration, equalize: false }, inputs: from });
  t.ok(
    readFileSync(join(twice.out, "statistics.json")).equals(readFileSync(join(statistics, "statistics.json"))),
    "statistics",
  );
});

t.test("every kind of settings runs, and each loses what it must", async (t) => {
  const root = t.testdir({});
  const from = layOut(root, network);
  const { statistics, loss: first } = await quantize(t, root, from);
  const whole = first.outputs[0]?.sqnr ?? 200;
  const lost = async (own: Readonly<Record<string, unknown>>) =>
    (await quantize(t, root, from, { settings: own, statistics })).loss.outputs[0]?.sqnr ?? 200;
  for (const method of ["moving-average", "percentile", "mse", "kl"]) t.ok((await lost({ method })) > 15, method);
  for (const codes of ["asymmetric", "log", "k-means"])
    for (const own of ["aciq", undefined]) {
      const sqnr = await lost({ codes, method: own, powers: true, weights: codes === "k-means" ? 4 : 8 });
      t.ok(sqnr > 8, `${codes}, ${own}: ${sqnr} dB`);
    }
  const { layers, loss } = await quantize(t, root, from, { settings: { method: undefined }, statistics });
  t.same([layers.tensors, layers.layers.map(({ integers }) => integers)], [[], [false, false, false]], "weights alone");
  const weightsAlone = loss.outputs[0]?.sqnr ?? 200;
  t.ok(weightsAlone > whole, `${weightsAlone} dB against ${whole} dB with activations`);
  const fewer = await lost({ method: undefined, weights: 4 });
  t.ok(weightsAlone - fewer > 12, `4 bits lose more than 8: ${fewer} dB`);
  const kept = await quantize(t, root, from, { settings: { keep: ["Conv_0", "MatMul_10"] }, statistics });
  t.same(
    kept.layers.floats.map(({ name, why }) => [name, why]),
    [
      ["Conv_0", "the project keeps it"],
      ["MatMul_10", "the project keeps it"],
    ],
  );
});

/** Three convolutions, the second one of single channels, whose channels reach differently far: what equalization is for. Nothing is padded. */
const reaches = [0.01, 0.05, 0.2, 0.5, 1, 3, 8, 20];
const chain: TinyModel = {
  opset: 13,
  nodes: [
    { op: "Conv", inputs: ["x", "w1"], outputs: ["c1"] },
    { op: "BatchNormalization", inputs: ["c1", "g1", "b1", "m1", "v1"], outputs: ["n1"] },
    { op: "Relu", inputs: ["n1"], outputs: ["r1"] },
    { op: "Conv", inputs: ["r1", "w2", "b2"], outputs: ["c2"], int: { group: 8 } },
    { op: "Relu", inputs: ["c2"], outputs: ["r2"] },
    { op: "Conv", inputs: ["r2", "w4"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 3, 8, 8] }],
  outputs: [{ name: "y", shape: [1, 4, 4, 4] }],
  weights: [
    weights("w1", 8, 3, 3, 3),
    { name: "g1", shape: [8], values: reaches },
    { name: "v1", shape: [8], values: positive(8) },
    { name: "b1", shape: [8], values: reaches.map((reach) => reach * (0.2 + random())) },
    weights("m1", 8),
    { name: "b2", shape: [8], values: reaches.map((reach) => reach * random()) },
    weights("w2", 8, 1, 3, 3),
    // Each channel counts as much in the end.
    { name: "w4", shape: [4, 8, 1, 1], values: some(32).map((value, index) => value / (reaches[index % 8] ?? 1)) },
  ],
};

t.test("equalized layers give the same results, and lose less with one scale for all channels", async (t) => {
  const root = t.testdir({});
  const bytes = tinyOnnx(chain);
  const [before, after] = [
    await firstOutput(root, "a.onnx", bytes),
    await firstOutput(root, "b.onnx", closeOnnx(prepared(bytes, "m", { equalize: true }).open)),
  ];
  const largest = Math.max(...Array.from(numbers(before), Math.abs));
  t.ok(compareTensors(before, after, { metric: "max-abs", tolerance: 1 }).maxAbsolute <= 1e-5 * largest);
  const from = layOut(root, chain);
  const lost = async (own: Readonly<Record<string, unknown>>) =>
    (await quantize(t, root, from, { settings: { scales: "tensor", ...own } })).loss.outputs[0]?.sqnr ?? 200;
  const [plain, equalized] = [await lost({}), await lost({ equalize: true })];
  t.ok(equalized > plain + 6, `${equalized} dB, ${plain} dB without: a bit at least`);
});

t.test("corrected biases: outputs of weights of few bits are right on average", async (t) => {
  const root = t.testdir({});
  // The last layer alone is quantized, so that what it takes is as it was.
  const from = layOut(root, chain);
  const { statistics } = await quantize(t, root, from);
  const error = async (correct: string) => {
    const way = { correct, weights: 4, method: undefined, keep: ["Conv_0", "Conv_3"] };
    const { model, layers } = await quantize(t, root, from, { settings: way, statistics });
    t.same(
      layers.layers.map(({ isCorrected }) => isCorrected),
      [correct === "data"],
      correct,
    );
    const sums = new Float64Array(4);
    for (const [index, values] of pictures.entries()) {
      const outputs = await Promise.all(
        [tinyOnnx(chain), model].map((one, of) => outputFor(root, `picture${index}-${of}`, one, values)),
      );
      for (const [place, value] of Array.from(numbers(outputs[1] as Tensor)).entries())
        sums[Math.floor(place / 16)] =
          (sums[Math.floor(place / 16)] ?? 0) + value - (numbers(outputs[0] as Tensor)[place] ?? 0);
    }
    return Math.max(...sums.map(Math.abs)) / (16 * pictures.length);
  };
  const [without, with_] = [await error("none"), await error("data")];
  t.ok(with_ < without / 50, `${with_} on average, ${without} without`);
});

t.test("without data: ranges and means that batch norms tell", async (t) => {
  const root = t.testdir({});
  const from = layOut(root, chain);
  const { layers, loss } = await quantize(t, root, from, {
    settings: { method: "batch-norm", correct: "batch-norm", equalize: true },
  });
  t.same(
    layers.tensors.map(({ tensor }) => tensor),
    ["r1"],
    "nothing is known of the input, nor behind a layer without batch norm",
  );
  t.same(
    layers.layers.map(({ integers, isCorrected }) => [integers, isCorrected]),
    [
      [false, false],
      [true, true],
      [false, false],
    ],
  );
  t.ok(loss.loss < 0.01, `${loss.loss}`);
  t.match(layers.of, { calibration: /^[0-9a-f]{64}$/ }, "the step was given statistics, and says which");
});

t.test("what is constant, dead, or never there", async (t) => {
  const root = t.testdir({});
  const dead: TinyModel = {
    ...network,
    weights:
      network.weights?.map((one) =>
        one.name === "w1" ? { ...one, values: one.values.map((value, index) => (index < 54 ? 0 : value)) } : one,
      ) ?? [],
  };
  const found = await quantize(t, root, layOut(root, dead, [Array(192).fill(0), Array(192).fill(0)]));
  t.match(found.logged.join("\n"), /1 layers have channels whose weights are all 0: Conv_0/);
  t.match(found.logged.join("\n"), /tensors had one value for all calibration inputs: x/);
  t.ok(found.loss.loss < 0.001, "what the batch norm adds is kept where the weights are 0");
});

t.test("a loss beyond what the project allows fails, with the worst places", async (t) => {
  const root = t.testdir({});
  const from = layOut(root, network);
  t.match(
    await refusal(quantize(t, root, from, { settings: { weights: 2 }, loss: { maxLoss: 1e-9 } })),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_LOSS: Model m loses .* `maxLoss` is 1e-9\. Compare the methods: `edgeimg quantize m --try all`.*\[models\.m\.quantize\.maxLoss\]/,
  );
});

t.test("calibration inputs that do not suit the model", async (t) => {
  const root = t.testdir({});
  const refused = (model: TinyModel, ...rest: [(readonly (readonly number[])[])?, number[]?]) =>
    refusal(
      step(t, root, "calibrate-model", {
        params: { calibration, equalize: false },
        inputs: layOut(root, model, ...rest),
      }),
    );
  const bad = [...(pictures[0] ?? [])];
  bad[70] = Number.NaN;
  t.match(
    await refused(network, [bad]),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION: Model m: x has the value NaN at \[0, 1, 0, 6\] for 0\.npy.*\[models\.m\.quantize\.calibration\]/,
  );
  t.match(
    await refused(network, []),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION: Model m, input x: there is no \.npy file in calibration\..*\[models\.m\.quantize\.calibration\.x\]/,
  );
  t.match(
    await refused(network, [some(64)], [1, 1, 8, 8]),
    /^ERR_EDGEIMG_MODEL_SHAPES: Model m, input x: 0\.npy has the shape 1x1x8x8, the model takes \[1, 3, any, any\]/,
  );
  const logarithm: TinyModel = {
    ...network,
    nodes: [
      { op: "Log", inputs: ["x"], outputs: ["l"] },
      ...network.nodes.map((node, index) => (index === 0 ? { ...node, inputs: ["l", "w1"] } : node)),
    ],
  };
  t.match(await refused(logarithm, [some(192)]), /CALIBRATION: Model m: l has the value NaN at \[.*Take 0\.npy out/);
  const job = {
    params: { calibration: { files: { ...files, z: files.x } }, equalize: false },
    inputs: layOut(root, network),
  };
  t.match(
    await refusal(step(t, root, "calibrate-model", job)),
    /^ERR_EDGEIMG_MODEL_SHAPES|^ERR_EDGEIMG_MODEL_INPUTS|has no input/,
  );
});

t.test("models that cannot be quantized", async (t) => {
  const root = t.testdir({});
  const refused = (model: TinyModel, more: object = {}) =>
    refusal(
      step(t, root, "quantize-model", {
        params: { ...settings, method: undefined, ...more },
        inputs: { onnx: layOut(root, model).onnx },
      }),
    );
  const one = (op: string, rest: Partial<TinyModel> = {}): TinyModel => ({
    ...{ nodes: [{ op, inputs: ["x"], outputs: ["y"] }], inputs: [{ name: "x", shape: [1, 4] }] },
    ...{ outputs: [{ name: "y", shape: [1, 4] }], ...rest },
  });
  t.match(await refused(one("Relu")), /^ERR_EDGEIMG_MODEL_QUANTIZE_NOTHING: Model m has nothing to quantize\./);
  t.match(
    await refused(one("DynamicQuantizeLinear")),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_TWICE: Model m is quantized already: it has DynamicQuantizeLinear/,
  );
  t.match(
    await refused(one("Upsample", { opset: 9 })),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR: Model m is of opset 9, and its operator Upsample \(Upsample_0\) cannot be brought to opset 13\./,
  );
  t.match(
    await refused(network, { keep: ["Conv_1"] }),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_LAYER: Model m has no layer "Conv_1" that could be quantized\. Did you mean "?Conv_0.*\[models\.m\.quantize\.keep\.0\]/,
  );
});

t.test("operators whose meaning changed between operator sets keep it", async (t) => {
  const root = t.testdir({});
  const older: TinyModel = {
    opset: 9,
    nodes: [
      { op: "Slice", inputs: ["x"], outputs: ["s"], ints: { starts: [0], ends: [6], axes: [3] } },
      { op: "Softmax", inputs: ["s"], outputs: ["p"], int: { axis: 2 } },
      { op: "Squeeze", inputs: ["p"], outputs: ["q"], ints: { axes: [0] } },
      { op: "Unsqueeze", inputs: ["q"], outputs: ["u"], ints: { axes: [0] } },
      { op: "ReduceSum", inputs: ["u"], outputs: ["r"], ints: { axes: [2] } },
      { op: "LogSoftmax", inputs: ["r"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: [1, 3, 8, 8] }],
    outputs: [{ name: "y", shape: [1, 3, 1, 6] }],
  };
  const raised = await firstOutput(root, "new.onnx", closeOnnx(prepared(tinyOnnx(older), "m").open));
  t.same(numbers(raised), numbers(await firstOutput(root, "old.onnx", tinyOnnx(older))));
});
