import { copyFileSync, existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import t from "tap";
import { buildStep } from "../../src/api/build/build-step.js";
import { crc32 } from "../../src/formats/crc32.js";
import { writeNpy } from "../../src/formats/npy.js";
import { packageHome } from "../../src/ground/home.js";
import { type NetworkFile, readNetwork } from "../edge/network-file.js";
import { runReference } from "../edge/reference.js";
import { quietContext } from "../helpers/context.js";
import { appFolder } from "../helpers/edge-app.js";
import { randomFrom } from "../helpers/random.js";
import { toolbox } from "../helpers/toolbox.js";
import { raw, type TinyModel, tinyOnnx } from "../model/onnx-builder.js";

/**
 * Networks of whole numbers, made by the build of quantized ONNX files, in the engine under qemu-user: each layer equals, bit for bit, what a reference
 * makes of the same file that shares no line with the engine and its kernels.
 */
const cores = ["cortex-a53", "cortex-a72", "cortex-a76"];

const app = await appFolder();
t.teardown(app.remove);
const { qemuAarch64, sysroot, edgeNnRun, kernels } = await toolbox();
const gcc = process.env.EDGEIMG_TEST_GCC ?? "";
if (gcc === "") throw new Error("EDGEIMG_TEST_GCC is not set");
const home = fileURLToPath(new URL("../../", import.meta.url));
const work = (...path: string[]) => join(app.path, ...path);

const random = randomFrom(16);
const some = (count: number, size = 1) => Array.from({ length: count }, () => (random() * 2 - 1) * size);
const weights = (name: string, ...shape: number[]) => ({
  ...{ name, shape },
  values: some(
    shape.reduce((product, size) => product * size, 1),
    0.4,
  ),
});

/** All kinds of layers, most of them twice, and what ONNX writes of hard swish and of a channel's factor (squeeze and excitation). */
const zoo: TinyModel = {
  opset: 13,
  nodes: [
    { op: "Conv", inputs: ["x", "w1", "b1"], outputs: ["c1"], ints: { pads: [1, 1, 1, 1], strides: [2, 2] } },
    { op: "Add", inputs: ["c1", "three"], outputs: ["h1"] },
    { op: "Clip", inputs: ["h1", "zero", "six"], outputs: ["h2"] },
    { op: "Mul", inputs: ["c1", "h2"], outputs: ["h3"] },
    { op: "Div", inputs: ["h3", "six"], outputs: ["h4"] },
    { op: "Conv", inputs: ["h4", "w2", "b1"], outputs: ["c2"], ints: { pads: [2, 2, 2, 2] }, int: { group: 16 } },
    { op: "Relu", inputs: ["c2"], outputs: ["r2"] },
    { op: "GlobalAveragePool", inputs: ["r2"], outputs: ["g2"] },
    { op: "Conv", inputs: ["g2", "w3"], outputs: ["e1"] },
    { op: "Relu", inputs: ["e1"], outputs: ["e2"] },
    { op: "Conv", inputs: ["e2", "w4"], outputs: ["e3"] },
    { op: "HardSigmoid", inputs: ["e3"], outputs: ["e4"] },
    { op: "Mul", inputs: ["r2", "e4"], outputs: ["m2"] },
    { op: "Conv", inputs: ["m2", "w5"], outputs: ["c3"], ints: { pads: [1, 1, 1, 1] } },
    { op: "Add", inputs: ["c3", "m2"], outputs: ["a3"] },
    { op: "MaxPool", inputs: ["a3"], outputs: ["k3"], ints: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: "Resize", inputs: ["k3", "", "twice"], outputs: ["z3"] },
    { op: "Concat", inputs: ["a3", "z3", "pad"], outputs: ["j3"], int: { axis: 1 } },
    { op: "Conv", inputs: ["j3", "w6"], outputs: ["c4"], int: { group: 2 } },
    { op: "AveragePool", inputs: ["c4"], outputs: ["k4"], ints: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: "Transpose", inputs: ["k4"], outputs: ["t4"], ints: { perm: [0, 3, 1, 2] } },
    { op: "Reshape", inputs: ["t4", "rows"], outputs: ["s4"] },
    { op: "MatMul", inputs: ["s4", "w7"], outputs: ["p5"] },
    { op: "Add", inputs: ["p5", "b7"], outputs: ["q5"] },
    { op: "Softmax", inputs: ["q5"], outputs: ["y"], int: { axis: -1 } },
    { op: "Sigmoid", inputs: ["c4"], outputs: ["u"] },
  ],
  inputs: [{ name: "x", shape: [1, 3, 24, 32] }],
  outputs: [
    { name: "y", shape: [8, 5] },
    { name: "u", shape: [1, 12, 12, 16] },
  ],
  weights: [
    ...[weights("w1", 16, 3, 3, 3), weights("b1", 16), weights("w2", 16, 1, 5, 5), weights("w3", 4, 16, 1, 1)],
    ...[weights("w4", 16, 4, 1, 1), weights("w5", 16, 16, 3, 3), weights("w6", 12, 18, 1, 1), weights("w7", 72, 5)],
    weights("b7", 5),
    ...Object.entries({ zero: 0, three: 3, six: 6 }).map(([name, value]) => ({ name, shape: [], values: [value] })),
    { name: "pad", shape: [1, 4, 12, 16], values: Array<number>(768).fill(0) },
    { name: "twice", shape: [4], values: [1, 1, 2, 2] },
    { name: "rows", shape: [2], values: [8, 72], type: 7 },
  ],
};

type Weight = NonNullable<TinyModel["weights"]>[number];

/** A convolution whose weights have few levels, and whose result has few bits, as QCDQ writes both: QuantizeLinear, Clip, DequantizeLinear. */
function fewBits(index: number, shape: number[], how: { readonly levels: readonly number[]; readonly most: number }) {
  const name = (what: string) => `${what}${index}`;
  const codes = Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    () => how.levels[Math.floor(random() * how.levels.length)] ?? 0,
  );
  const nodes: TinyModel["nodes"] = [
    { op: "DequantizeLinear", inputs: [name("w"), name("ws")], outputs: [name("wd")], int: { axis: 0 } },
    { op: "Conv", inputs: [`x${index}`, name("wd")], outputs: [name("c")], ints: { pads: [1, 1, 1, 1] } },
    { op: "Relu", inputs: [name("c")], outputs: [name("r")] },
    { op: "QuantizeLinear", inputs: [name("r"), name("s"), "z"], outputs: [name("q")] },
    { op: "Clip", inputs: [name("q"), "z", name("m")], outputs: [name("k")] },
    { op: "DequantizeLinear", inputs: [name("k"), name("s"), "z"], outputs: [`x${index + 1}`] },
  ];
  const [outputs = 1] = shape;
  const weights: Weight[] = [
    { name: name("w"), shape, values: codes, type: 3 },
    { name: name("ws"), shape: [outputs], values: Array.from({ length: outputs }, () => 0.02 + random() / 50) },
    { name: name("s"), shape: [], values: [[2, 0.75, 0.5, 0.04, 0.01][index] ?? 1] },
    { name: name("m"), shape: [], values: [how.most], type: 2 },
  ];
  return { nodes, weights };
}

const eight = Array.from({ length: 255 }, (_, index) => index - 127);
const chain = [
  fewBits(0, [32, 3, 3, 3], { levels: eight, most: 3 }),
  fewBits(1, [32, 32, 3, 3], { levels: [-2, -1, 0, 1, 1, 1], most: 3 }),
  fewBits(2, [32, 32, 3, 3], { levels: [-3, -1, 1, 3], most: 3 }),
  fewBits(3, [32, 32, 3, 3], { levels: [-1, 1], most: 15 }),
  fewBits(4, [16, 32, 3, 3], { levels: [-8, -5, -1, 0, 2, 7, 5], most: 255 }),
];
/** Weights and activations of 8, 2, 2 (half-integer levels), 1 and 4 bits, as they are trained: no `quantize` makes it. */
const low: TinyModel = {
  opset: 13,
  nodes: [
    { op: "QuantizeLinear", inputs: ["x", "sx", "zx"], outputs: ["qx"] },
    { op: "DequantizeLinear", inputs: ["qx", "sx", "zx"], outputs: ["x0"] },
    ...chain.flatMap(({ nodes }) => nodes),
    { op: "GlobalAveragePool", inputs: ["x5"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 3, 14, 18] }],
  outputs: [{ name: "y", shape: [1, 16, 1, 1] }],
  weights: [
    ...chain.flatMap(({ weights }) => weights),
    { name: "sx", shape: [], values: [0.01] },
    { name: "zx", shape: [], values: [128], type: 2 },
    { name: "z", shape: [], values: [0], type: 2 },
  ],
};

const picture = (shape: number[]) =>
  writeNpy({
    ...{ kind: "f", size: 4, shape },
    data: raw(1, some(shape.reduce((product, size) => product * size, 1))),
  });
/** PP-OCR's network that tells lines which stand on their heads. */
const cls = "{ purl: pkg:npm/%40gutenye/ocr-models@1.4.2, path: assets/ch_ppocr_mobile_v2.0_cls_infer.onnx }";
const shapes = { zoo: [1, 3, 24, 32], cls: [1, 3, 48, 192] };
await mkdir(work("project"), { recursive: true });
for (const [name, shape] of Object.entries(shapes)) {
  await mkdir(work("project", name));
  for (const index of [0, 1, 2]) await writeFile(work("project", name, `${index}.npy`), picture(shape));
}
await writeFile(work("project/zoo.onnx"), tinyOnnx(zoo));
await writeFile(work("project/low.onnx"), tinyOnnx(low));
await writeFile(work("project/main.ts"), "");
await writeFile(
  work("project/edgeimg.yaml"),
  `format: 1
name: t
board: qemu-a72
engine: edge
app: { entry: main.ts }
models:
  zoo: { onnx: zoo.onnx, quantize: { calibration: { x: zoo } } }
  cls: { onnx: ${cls}, inputs: { x: { dims: [1, 3, 48, 192] } }, quantize: { calibration: { x: cls } } }
  low: { onnx: low.onnx, check: { metric: cosine }, tolerance: 0.01 }
  float: { onnx: zoo.onnx }
`,
);
// The clone's own lock, when its first build wrote one: apt need not be asked again.
const lock = join(packageHome, "edgeimg.lock");
if (existsSync(lock)) copyFileSync(lock, work("project/edgeimg.lock"));
const context = quietContext(work("project"), { env: process.env });
const made = async (step: string) => (await buildStep(context, { step, offline: false, locked: false })).path;

/** Compiles a program of test/edge with the engine, and links it with the kernels as the group's tools have them. */
async function compile(name: string, flags: readonly string[]): Promise<string> {
  const engine = ["net_check.c", "net_file.c", "net_run.c", "threads.c"].map((file) =>
    join(home, "recipes/engines/edge", file),
  );
  await execa(gcc, [
    ...["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", ...flags],
    ...["recipes/engines/edge", "recipes/kernels/include"].map((folder) => `-I${join(home, folder)}`),
    ...[...engine, join(home, `test/edge/${name}.c`), kernels, "-lm", "-o", work(name)],
  ]);
  return work(name);
}
const driver = await compile("driver", ["-O2"]);
const onTarget = (cpu: string) => ["-cpu", cpu, "-L", sysroot, "-E", `LD_LIBRARY_PATH=${dirname(kernels)}`];

/** What each layer gives, as bytes. */
async function runDriver(cpu: string, threads: number, file: string, inputs: readonly string[]): Promise<Uint8Array[]> {
  const { stdout } = await execa(qemuAarch64, [...onTarget(cpu), driver, `${threads}`, file, ...inputs], {
    encoding: "buffer",
  });
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  const results: Uint8Array[] = [];
  for (let at = 0; at < stdout.length; at += 4 + view.getUint32(at, true))
    results.push(stdout.subarray(at + 4, at + 4 + view.getUint32(at, true)));
  return results;
}

/** Random inputs, in files. */
async function feed(network: NetworkFile): Promise<{ readonly values: Float32Array[]; readonly files: string[] }> {
  const values = network.inputs.map(({ shape }) =>
    Float32Array.from(some(shape.reduce((product, size) => product * size, 1))),
  );
  const files = values.map((_, index) => work(`in-${index}.bin`));
  for (const [index, one] of values.entries()) await writeFile(files[index] ?? "", new Uint8Array(one.buffer));
  return { values, files };
}

const bytesOf = (one: Uint8Array | Float32Array) => Buffer.from(one.buffer, one.byteOffset, one.byteLength);

for (const name of ["zoo", "cls", "low"] as const)
  t.test(`${name}: every layer, and the whole, equals the reference on every core`, async (t) => {
    await made(`model-check/${name}`);
    const folder = await made(`model/${name}`);
    const file = join(folder, `${name}.edgenet`);
    const network = readNetwork(await readFile(file));
    const { values, files } = await feed(network);
    const expected = runReference(network, values).map(bytesOf);
    if (name === "low") {
      const schemes = network.layers.filter(({ kind }) => kind === 2).map(({ params }) => params.slice(16, 19));
      t.same(schemes, schemesOfLow, "scheme, format and zero of each convolution");
      for (const [index, { kind, name }] of network.layers.entries())
        if (kind === 2) t.ok(new Set(expected[index]).size >= 4, `${name} gives several codes`);
    }
    if (name === "zoo")
      t.same(
        [...new Set(network.layers.map(({ kind }) => kind))].sort((a, b) => a - b),
        kindsOfZoo,
        "kinds of layers",
      );
    for (const [cpu, threads] of [...cores.map((cpu) => [cpu, 1] as const), ["cortex-a53", 3] as const]) {
      const results = await runDriver(cpu, threads, file, files);
      t.equal(results.length, network.layers.length, cpu);
      const wrong = network.layers.filter((_, index) => !expected[index]?.equals(results[index] ?? new Uint8Array()));
      t.same(
        wrong.map((layer) => layer.name),
        [],
        `${cpu}, ${threads} threads: ${results.length} layers`,
      );
    }
    const adapter = join(await made("compile/edge-adapter"), "libedge_nn.so");
    for (const cpu of cores.slice(0, 2)) {
      const outputs = network.outputs.map((_, index) => work(`out-${index}.bin`));
      const ports = [
        ...network.inputs.flatMap(({ name, shape }, index) => ["--input", name, files[index] ?? "", shape.join("x")]),
        ...network.outputs.flatMap(({ name }, index) => ["--output", name, outputs[index] ?? ""]),
      ];
      const flags = ["-cpu", cpu, "-L", sysroot, edgeNnRun, "--engine", adapter, "--model", folder];
      await execa(qemuAarch64, [...flags, ...ports]);
      for (const [index, { name }] of network.outputs.entries()) {
        const at = network.layers.findIndex(
          ({ output }) => output === network.tensors.length + network.inputs.length + index,
        );
        t.ok(expected[at]?.equals(await readFile(outputs[index] ?? "")), `${cpu}: the adapter's ${name}`);
      }
    }
  });

/** EDGE_W8A8, W2A2 twice, W1A2 and W4A4, their weights in bytes, two bits, one, and four. */
const schemesOfLow = [
  [0, 0, 0],
  [3, 2, 4],
  [3, 2, 3],
  [4, 3, 0],
  [2, 1, 0],
];

/** All of net.h. */
const kindsOfZoo = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

t.test("a model in floating point is refused, by operator and layer", async (t) => {
  await t.rejects(made("model/float"), {
    code: "ERR_EDGEIMG_MODEL_CONVERSION",
    details: [/Conv \(Conv_0\): x is not quantized/],
  });
});

t.test("damaged files are refused, or run without a fault", async (t) => {
  const fuzz = await compile("fuzz", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
  for (const [name, count] of [
    ["zoo", 3000],
    ["low", 500],
  ] as const) {
    const file = join(await made(`model/${name}`), `${name}.edgenet`);
    const { exitCode, stdout, stderr } = await execa(
      qemuAarch64,
      [...onTarget("cortex-a53"), fuzz, file, `${count}`, "16"],
      // The emulator's process table is not what the leak checker expects.
      { env: { ASAN_OPTIONS: "detect_leaks=0" }, reject: false },
    );
    t.equal(exitCode, 0, stderr.slice(0, 4000));
    const counts = JSON.parse(stdout);
    t.ok(counts.refused > count / 3 && counts.ran > count / 30, `${name}: ${stdout}`);
    t.equal(counts.failed, 0, "what was accepted runs");
  }
});

t.test("each way in which a file can be wrong is told", async (t) => {
  const whole = await readFile(join(await made("model/zoo"), "zoo.edgenet"));
  const flip = (at: number) => {
    const copy = Buffer.from(whole);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  /** A layer's output put where its input is, with the checksum of that. */
  const overlapping = () => {
    const copy = Buffer.from(whole);
    const [, layer] = readNetwork(whole).layers;
    const place = (tensor = 0) => copy.readUInt32LE(28) + tensor * 8;
    copy.copy(copy, place(layer?.output), place(layer?.inputs[0]), place(layer?.inputs[0]) + 4);
    copy.writeUInt32LE(crc32(copy.subarray(16)), 12);
    return copy;
  };
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["a layer that writes over what it reads", overlapping(), /layer Conv .*: it reads where it writes/],
    ["nothing", new Uint8Array(10), /the file has 10 bytes/],
    ["an ONNX file", tinyOnnx(zoo), /the file is no network of whole numbers/],
    ["another version", flip(8), /the file is of version 3, and 2 is known/],
    ["cut off", whole.subarray(0, whole.length - 4), /the file has \d+ bytes, and says \d+/],
    ["a bit of its weights", flip(whole.length - 1000), /the file is damaged: its checksum is another/],
  ];
  for (const [what, bytes, says] of cases) {
    await writeFile(work("bad.edgenet"), bytes);
    const flags = [...onTarget("cortex-a72"), driver, "1", work("bad.edgenet")];
    const { exitCode, stderr } = await execa(qemuAarch64, flags, { reject: false });
    t.equal(exitCode, 1, what);
    t.match(stderr, says, what);
  }
});
