import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { quantizeModels } from "../../src/api/quantize/quantize.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { writeNpy } from "../../src/formats/npy.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { quietContext } from "../helpers/context.js";
import { randomFrom } from "../helpers/random.js";
import { raw, tinyOnnx } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";
import { checkModel, type Setting } from "./model-project.js";

/** A network with convolutions goes into the library of each engine whose recipe says so, on the board's core; the others are refused: test/parts/quantize.test.ts. */
const folder = await scratchFolder("quantize");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const random = randomFrom(3);
const some = (count: number) => Array.from({ length: count }, () => random() * 2 - 1);
const network = tinyOnnx({
  opset: 11,
  nodes: [
    { op: "Conv", inputs: ["x", "w1", "b1"], outputs: ["c"], ints: { pads: [1, 1, 1, 1] } },
    { op: "Relu", inputs: ["c"], outputs: ["r"] },
    { op: "Conv", inputs: ["r", "w2", "b1"], outputs: ["d"], ints: { pads: [1, 1, 1, 1] }, int: { group: 16 } },
    { op: "Add", inputs: ["d", "r"], outputs: ["s"] },
    { op: "GlobalAveragePool", inputs: ["s"], outputs: ["p"] },
    { op: "Flatten", inputs: ["p"], outputs: ["f"] },
    { op: "Gemm", inputs: ["f", "w3", "b3"], outputs: ["y"], int: { transB: 1 } },
  ],
  inputs: [{ name: "x", shape: [1, 3, 16, 16] }],
  outputs: [{ name: "y", shape: [1, 10] }],
  weights: [
    { name: "w1", shape: [16, 3, 3, 3], values: some(432) },
    { name: "b1", shape: [16], values: some(16) },
    { name: "w2", shape: [16, 1, 3, 3], values: some(144) },
    { name: "w3", shape: [10, 16], values: some(160) },
    { name: "b3", shape: [10], values: some(10) },
  ],
});
const picture = () => writeNpy({ kind: "f", size: 4, shape: [1, 3, 16, 16], data: raw(1, some(768)) });
const files = { "m.onnx": network, "cal/0.npy": picture(), "cal/1.npy": picture(), "cal/2.npy": picture() };
const setting = (engine: string, activations: 8 | "float"): Setting => ({
  engine,
  files,
  model: `onnx: m.onnx\nquantize: { calibration: { x: cal }, activations: ${activations}, maxLoss: 0.01 }\n`,
});

const { engines } = await loadCatalog(fileURLToPath(new URL("../../", import.meta.url)), undefined);
const runs = [...engines.values()].flatMap(({ recipe }) =>
  (recipe.model.quantized?.activations ?? []).map((activations) => ({ engine: recipe.name, activations })),
);
t.ok(runs.length >= 4, `${runs.length} are run`);
for (const { engine, activations } of runs)
  t.test(`${engine} runs it with activations of ${activations}, and gives what the reference gives`, async (t) => {
    await t.resolves(checkModel(folder, setting(engine, activations)));
  });

t.test("the command makes the same model whatever the engine is, and compares all ways", async (t) => {
  const options = { offline: false, locked: false, tryAll: true };
  const { report, files: written } = await quantizeModels(quietContext(folder, { env: process.env }), options);
  const [model] = report.models;
  const ways = new Map(model?.ways.map((one) => [one.way, one]));
  t.same(
    [...ways.keys()],
    [
      ...["min-max", "moving-average", "percentile", "mse", "kl", "aciq", "tensor", "tensor-equalized", "7-bit"],
      ...["corrected", "asymmetric", "power-of-two", "log", "k-means-4-bit", "weights-only", "own"],
    ],
  );
  const lost = (way: string) => ways.get(way)?.loss?.loss ?? Number.NaN;
  t.ok(lost("weights-only") < lost("min-max"), `${lost("weights-only")} against ${lost("min-max")}`);
  t.ok(lost("min-max") < 0.01, `${lost("min-max")}`);
  const onnx = await readFile(written.find((file) => file.endsWith("m.onnx")) ?? "");
  t.ok(readOnnx(onnx).graph.nodes.some(({ op }) => op === "DequantizeLinear"));
  t.equal((await stat(join(folder, "out/quantize/m.onnx"))).size, ways.get("own")?.bytes.quantized);
});
