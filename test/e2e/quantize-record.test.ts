import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { buildStep } from "../../src/api/build/build-step.js";
import { quantizeModels } from "../../src/api/quantize/quantize.js";
import { readNpy } from "../../src/formats/npy.js";
import { parseLock } from "../../src/lock/lock-file.js";
import { statisticsFile } from "../../src/quantize/statistics.js";
import { quietContext } from "../helpers/context.js";
import { raw, tinyOnnx } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";

/** An app runs here and calibrates its models itself: what is recorded must be what it fed, to the bit, and nothing else. And it is judged by its answers. */
const folder = await scratchFolder("quantize-record");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const weights = { name: "w", shape: [4, 4], values: Array.from({ length: 16 }, (_, index) => Math.sin(index)) };
const product = tinyOnnx({
  opset: 13,
  nodes: [{ op: "MatMul", inputs: ["in:put/x", "w"], outputs: ["y"] }],
  inputs: [{ name: "in:put/x", shape: ["n", 4] }],
  outputs: [{ name: "y", shape: ["n", 4] }],
  weights: [weights],
});
const sum = tinyOnnx({
  opset: 13,
  nodes: [
    { op: "Add", inputs: ["a", "b"], outputs: ["s"] },
    { op: "MatMul", inputs: ["s", "w"], outputs: ["y"] },
  ],
  inputs: [
    { name: "a", shape: [1, 4] },
    { name: "b", shape: [1, 4] },
  ],
  outputs: [{ name: "y", shape: [1, 4] }],
  weights: [weights],
});

/** Both models are run once before it is ready, and then for each picture: as many rows as it has; the second with halves of it. */
const app = `
import { serve } from "edge:http";
import { load } from "edge:nn";
import { report } from "edge:process";
const [first, second] = [await load("first"), await load("second")];
const row = (value: number) => ({ shape: [1, 4], data: new Float32Array(4).fill(value) });
await first.run({ "in:put/x": row(99) });
await second.run({ a: row(99), b: row(99) });
await serve({ port: 80 }, async ({ path, body }) => {
  if (path !== "/read") return { status: 404, body: "not here" };
  const data = new Float32Array(body);
  if (data[0] === 7) throw new Error("seven");
  await first.run({ "in:put/x": { shape: [data.length / 4, 4], data } });
  const half = { shape: [1, 4], data: data.slice(0, 4).map((value) => value / 2) };
  if (data[0] !== 5) await second.run({ a: half, b: half });
  return { body: "read" };
});
report("ready");
`;

const pictures = { "b.png": [1, 2, 3, 4], "a.png": [-1, 0.5, 0.25, 8, 0, 0, 0, -2] };
const yaml = (more = "") =>
  `format: 1\nname: t\nboard: qemu-a72\nengine: onnxruntime\napp: { entry: main.ts }\nmodels:\n` +
  `  first: { onnx: first.onnx, inputs: { "in:put/x": { dims: [1..8, 4] } }, quantize: { record: { pictures: seen, to: /read } } }\n` +
  `  second: { onnx: second.onnx, quantize: { record: { pictures: seen, to: /read }, maxLoss: 0.01${more} } }\n`;

async function layOut(files: Readonly<Record<string, readonly number[]>> = pictures, text = yaml(), main = app) {
  await rm(join(folder, "seen"), { recursive: true, force: true });
  await mkdir(join(folder, "seen"));
  for (const [name, values] of Object.entries(files)) await writeFile(join(folder, "seen", name), raw(1, values));
  await writeFile(join(folder, "first.onnx"), product);
  await writeFile(join(folder, "second.onnx"), sum);
  await writeFile(join(folder, "edgeimg.yaml"), text);
  await writeFile(join(folder, "main.ts"), main);
}

const context = quietContext(folder, { env: process.env });
const options = { offline: false, locked: false };
const step = async (name: string) => (await buildStep(context, { ...options, step: name })).path;
const recording = async () => {
  const found = await step("calibrate/first").then(
    () => undefined,
    (error: unknown) => error,
  );
  if (found !== undefined) throw found;
};

t.test("what the app feeds to its models, for each picture in the order of their names", async (t) => {
  await layOut();
  const { report } = await quantizeModels(context, { ...options, tryAll: false });
  const losses = report.models.map(({ name, ways }) => [
    name,
    (ways[0]?.loss?.loss ?? 1) < 0.01,
    ways[0]?.loss?.inputs,
  ]);
  t.same(losses, [
    ["first", true, 2],
    ["second", true, 2],
  ]);
  const { path } = await buildStep(context, { ...options, step: "recording/run" });
  const read = async (file: string) => {
    const { shape, data } = readNpy(await readFile(join(path, file)));
    return [shape, [...new Float32Array(data.slice().buffer)]];
  };
  t.same(await read("first/0/000000.npy"), [[2, 4], pictures["a.png"]]);
  t.same(await read("first/0/000001.npy"), [[1, 4], pictures["b.png"]]);
  t.same(await read("second/1/000001.npy"), [[1, 4], pictures["b.png"].map((value) => value / 2)]);
  await t.rejects(read("first/0/000002.npy"), "what was run before it was ready is not there");
  const statistics = JSON.parse(await readFile(join(await step("calibrate/first"), "statistics.json"), "utf8"));
  const { set } = statisticsFile.parse(statistics);
  const { quantized } = parseLock(await readFile(join(folder, "edgeimg.lock"), "utf8"), "edgeimg.lock");
  t.same(Object.keys(quantized ?? {}), ["first", "second"]);
  t.match(
    quantized?.first,
    { calibration: set, way: /method min-max, .*weights 8/ },
    "the lock names what was recorded",
  );
  const locked = () => quantizeModels(context, { ...options, locked: true, tryAll: false });
  await t.resolves(locked(), "the same once more");
  await writeFile(join(folder, "seen/b.png"), raw(1, [1, 2, 3, 4.5]));
  await t.rejects(locked(), {
    code: "ERR_EDGEIMG_LOCK_DISAGREES",
    details: [/^first, calibration: [0-9a-f]{64} in the lock, [0-9a-f]{64} here$/, /^second, calibration: /],
  });
  t.match(statisticsFile.parse(statistics), { inputs: 2, tensors: { "in:put/x": { min: -2, max: 8, count: 12 } } });
});

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was refused",
    (error) => `${error.code}: ${error.message} ${error.details.join(" ")} ${error.hint} ${error.place?.line}`,
  );

t.test("an app that does not answer, and pictures that are none", async (t) => {
  await layOut({});
  t.match(await refusal(recording()), /^ERR_EDGEIMG_MODEL_QUANTIZE_RECORD: There is no picture in seen\. .* 7$/);
  await layOut({ "a.png": [7, 0, 0, 0] });
  t.match(
    await refusal(recording()),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_RECORD: The app answers a\.png at \/read with status 500: .*seven.* Take a\.png out/,
  );
  await layOut(pictures, yaml().replaceAll("/read", "/reed"));
  t.match(await refusal(recording()), /RECORD: The app answers a\.png at \/reed with status 404: not here/);
  await layOut(
    pictures,
    yaml(),
    'import { load } from "edge:nn";\nawait load("first");\nthrow new Error("too early");\n',
  );
  t.match(
    await refusal(recording()),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_RECORD: The app ended before it was ready \(exit code 1\)\. .*too early.* `edgeimg run --host`/,
  );
  await layOut({ "a.png": [5, 0, 0, 0] });
  t.match(
    await refusal(step("calibrate/second")),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION: The app did not run model second for any of the pictures\. .* 8$/,
  );
});

/** Answers with the place of the largest output, in words. */
const judged = `
import { serve } from "edge:http";
import { load } from "edge:nn";
import { report } from "edge:process";
const model = await load("first");
await serve({ port: 80 }, async ({ body }) => {
  const data = new Float32Array(body);
  const { y } = await model.run({ "in:put/x": { shape: [1, 4], data } });
  const values = [...(y?.data ?? [])].map(Number);
  return { body: JSON.stringify({ found: { place: data[0] === 7 ? {} : ["a", "b", "c", "d"][values.indexOf(Math.max(...values))] } }) };
});
report("ready");
`;

t.test("the app's answers are judged, with the model in floating point and quantized", async (t) => {
  const one = (more: string) => (text: string) =>
    text.replace(
      / {2}first: .*\n {2}second: .*\n/,
      () => `  first: { onnx: first.onnx, inputs: { "in:put/x": { dims: [1..8, 4] } }, quantize: { ${more} } }\n`,
    );
  const accuracy = (more = "") =>
    `accuracy: { pictures: seen, labels: labels.json, to: /read, answer: found.place${more} }`;
  const record = "record: { pictures: seen, to: /read }";
  const labels = async (of: object) => await writeFile(join(folder, "labels.json"), JSON.stringify(of));
  const inputs = Object.fromEntries(
    Array.from({ length: 24 }, (_, index) => [
      `${String(index).padStart(2, "0")}.bin`,
      [Math.sin(index), Math.sin(2 * index), Math.sin(3 * index), Math.sin(5 * index)],
    ]),
  );
  /** What is right: the place of the largest value of x times the weights. */
  const place = (x: readonly number[]) => {
    const y = [0, 1, 2, 3].map((column) =>
      x.reduce((sum, value, row) => sum + value * (weights.values[row * 4 + column] ?? 0), 0),
    );
    return "abcd"[y.indexOf(Math.max(...y))] ?? "";
  };
  const right = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, place(x)]));
  await layOut(inputs, one(`${record}, ${accuracy()}`)(yaml()), judged);
  await labels({ ...right, "03.bin": "wrong" });
  const found = async (settings: string) => {
    await writeFile(join(folder, "edgeimg.yaml"), one(`${settings}, ${accuracy()}`)(yaml()));
    const { report } = await quantizeModels(context, { ...options, tryAll: false });
    const told = report.models[0]?.ways[0]?.accuracy;
    t.match(told, { metric: "exact", pictures: 24, float: 23 / 24 }, settings);
    const lost = (told?.float ?? Number.NaN) - (told?.quantized ?? Number.NaN);
    t.equal(told?.worse.length, Math.round(lost * 24), "what got worse is named");
    return lost;
  };
  t.ok((await found(record)) <= 1 / 24, "8 bit lose little");
  t.ok((await found("codes: log, activations: float")) > 1 / 24, "powers of two lose more");

  await writeFile(
    join(folder, "edgeimg.yaml"),
    one(`codes: log, activations: float, ${accuracy(", maxLoss: 0.02")}`)(yaml()),
  );
  t.match(
    await refusal(step("quantize-accuracy/first")),
    /^ERR_EDGEIMG_MODEL_QUANTIZE_ACCURACY: With model first quantized the app's answers to 24 pictures are right to \d+\.\d\d % \(exact\), and to 95\.83 % in floating point; `maxLoss` is 2\.00 %\. \d\d\.bin: ".*--try all/,
  );
  await labels({ ...right, "99.bin": "a", "03.bin": undefined });
  t.match(
    await refusal(step("quantize-accuracy/first")),
    /QUANTIZE_LABELS: labels\.json and seen do not have the same pictures\. 03\.bin has no label 99\.bin is no file/,
  );
  await writeFile(join(folder, "labels.json"), "{");
  t.match(await refusal(step("quantize-accuracy/first")), /QUANTIZE_LABELS: labels\.json is no JSON\./);
  await layOut({ ...inputs, "03.bin": [7, 0, 0, 0] }, one(`activations: float, ${accuracy()}`)(yaml()), judged);
  await labels(right);
  t.match(
    await refusal(step("quantize-accuracy/first")),
    /QUANTIZE_LABELS: The app's answer to 03\.bin has no text or number under found\.place: \{"found":\{"place":\{\}\}\}/,
  );
});
