import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { appFolder, type Finished, type RunOptions, runSource } from "../helpers/edge-app.js";
import { clamp, fixedPoint, type IntegerConv, integerConv, roundedShift, scaled } from "../helpers/integer-conv.js";
import { randomFrom } from "../helpers/random.js";
import { toolbox } from "../helpers/toolbox.js";

const app = await appFolder();
t.teardown(app.remove);
const { kernels } = await toolbox();

const source = `import { prepare, variant } from "edge:kernels";
  import { readText } from "edge:fs";
  import { memory } from "edge:process";
  const show = (value) => console.log(JSON.stringify(value, (key, item) => ArrayBuffer.isView(item) ? Array.from(item) : item));
  const code = (promise) => promise.then(() => "done", (error) => error.code ?? error.name);
  const small = { bits: 8, input: [1, 2, 2, 3], outputs: 2, weights: Int8Array.of(1, 2, 3, -4, 5, -6) };
  const pixels = Int8Array.from({ length: 12 }, (_, i) => i - 5);\n`;

const run = (code: string, options: Pick<RunOptions, "cpu"> = {}): Promise<Finished> =>
  runSource(app.path, source + code, { ...options, flags: ["--kernels", kernels] });

async function shown(code: string, options: Pick<RunOptions, "cpu"> = {}): Promise<unknown[]> {
  const { code: exit, stdout, stderr } = await run(code, options);
  if (exit !== 0) throw new Error(stdout + stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** What each width may hold, and what its codes stand for. `zero` is an input's code for 0 where one may be chosen. */
interface Scheme {
  readonly options: Readonly<Record<string, unknown>>;
  readonly weights: readonly [number, number];
  readonly inputs: readonly [number, number];
  readonly zero: number;
  readonly weight?: (code: number) => number;
  readonly value?: (code: number) => number;
}
const sign = (code: number): number => 2 * code - 1;
const schemes: readonly Scheme[] = [
  { options: { bits: 8 }, weights: [-127, 127], inputs: [-128, 127], zero: 3 },
  { options: { bits: 8, inputSigned: false }, weights: [-127, 127], inputs: [0, 255], zero: 200 },
  { options: { bits: 7 }, weights: [-63, 63], inputs: [-64, 63], zero: -9 },
  { options: { bits: 4 }, weights: [-8, 7], inputs: [-8, 7], zero: 2 },
  { options: { bits: 2 }, weights: [0, 3], inputs: [0, 3], zero: 1, weight: (code) => code - 2 },
  // An odd zero point: everything counts halves.
  { options: { bits: 2, weightZero2: 3 }, weights: [0, 3], inputs: [0, 3], zero: 0, weight: (code) => 2 * code - 3 },
  { options: { bits: 1, inputBits: 2 }, weights: [0, 1], inputs: [0, 3], zero: 0, weight: sign },
  { options: { bits: 1 }, weights: [0, 1], inputs: [0, 1], zero: 0, weight: sign, value: sign },
];

type Shape = Omit<IntegerConv, "weight" | "value" | "padding">;
const plain = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0, 0, 0], groups: 1 } as const;
const shapes: readonly Shape[] = [
  { ...plain, input: [1, 1, 5, 37], outputs: 11 }, // fully connected: five rows
  { ...plain, input: [2, 7, 6, 5], outputs: 9, kernel: [3, 3], pad: [1, 1, 1, 1] },
  {
    ...plain,
    input: [1, 9, 8, 6],
    outputs: 4,
    kernel: [3, 2],
    stride: [2, 1],
    dilation: [1, 3],
    pad: [0, 2, 1, 3],
    groups: 2,
  },
  { ...plain, input: [1, 5, 5, 4], outputs: 4, kernel: [3, 3], pad: [1, 1, 1, 1], groups: 4 }, // depthwise
];

/** How a sum becomes a code: its options, and the same by the definition. Arrays have one value an output channel. */
interface Back {
  readonly requantize: Readonly<Record<string, unknown>> | undefined;
  readonly arrays: Readonly<Record<string, readonly number[]>>;
  readonly code: (sum: number, channel: number) => number;
}
function back(kind: number, outputs: number): Back {
  const each = (make: (channel: number) => number): number[] => Array.from({ length: outputs }, (_, i) => make(i));
  const shift = each((i) => 3 + (i % 5));
  const multiplier = each((i) => 1_000_000_000 + i * 97_003);
  const scale = each((i) => 0.5 / (i + 1));
  const threshold = Array.from({ length: 3 * outputs }, (_, i) => ((i % 3) - 1) * 20 + Math.floor(i / 3));
  const all: readonly Back[] = [
    { requantize: undefined, arrays: {}, code: (sum) => sum },
    {
      requantize: { zero: 4, min: 4, max: 120 },
      arrays: { multiplier, shift },
      code: (sum, i) => clamp(4 + fixedPoint(sum, multiplier[i] ?? 0, shift[i] ?? 0), 4, 120),
    },
    {
      requantize: { signed: false, zero: 128 },
      arrays: { scale },
      code: (sum, i) => clamp(128 + scaled(sum, scale[i] ?? 0), 0, 255),
    },
    { requantize: {}, arrays: { shift }, code: (sum, i) => clamp(roundedShift(sum, shift[i] ?? 0), -128, 127) },
    {
      requantize: {},
      arrays: { threshold },
      code: (sum, i) => threshold.slice(3 * i, 3 * i + 3).filter((one) => one <= sum).length,
    },
  ];
  const found = all[kind % all.length];
  if (found === undefined) throw new Error("no such kind");
  return found;
}

const next = randomFrom(20);
const between = ([low, high]: readonly [number, number]): number => low + Math.floor(next() * (high - low + 1));
const many = (length: number, range: readonly [number, number]): number[] =>
  Array.from({ length }, () => between(range));

/** Every width with every shape, the way back going round: descriptions with plain lists, and what must come out. */
const cases = schemes.flatMap((scheme, s) =>
  shapes.map((shape, index) => {
    const weight = scheme.weight ?? ((code: number) => code);
    const value = scheme.value ?? ((code: number) => code - scheme.zero);
    const isSign = scheme.value !== undefined;
    const conv: IntegerConv = { ...shape, weight, value, padding: isSign ? sign(1) : 0 };
    const depth = (shape.input[3] / shape.groups) * shape.kernel[0] * shape.kernel[1];
    const weights = many(depth * shape.outputs, scheme.weights);
    const input = many(shape.input[0] * shape.input[1] * shape.input[2] * shape.input[3], scheme.inputs);
    const bias = many(shape.outputs, [-50, 50]);
    const { requantize, arrays, code } = back(s + index, shape.outputs);
    const sums = integerConv(conv, weights, { input, bias });
    return {
      description: {
        ...shape,
        ...scheme.options,
        ...(isSign ? { padCode: 1 } : { inputZero: scheme.zero }),
        ...(requantize === undefined ? {} : { requantize }),
      },
      signed: { weights: scheme.weights[0] < 0, input: scheme.inputs[0] < 0 },
      weights,
      bias,
      input,
      arrays,
      expected: sums.map((sum, i) => code(sum, i % shape.outputs)),
    };
  }),
);

t.test("every width, shape and way back gives what the definition says, on each core", async (t) => {
  await writeFile(join(app.path, "cases.json"), JSON.stringify(cases.map(({ expected, ...one }) => one)));
  const variants = { "cortex-a53": "a53", "cortex-a72": "a72", "cortex-a76": "dot" };
  for (const [cpu, name] of Object.entries(variants)) {
    const lines = await shown(
      `show(variant());
      for (const { description, signed, weights, bias, input, arrays } of JSON.parse(await readText("cases.json"))) {
        const { requantize } = description;
        for (const [name, values] of Object.entries(arrays)) requantize[name] = (name === "scale" ? Float32Array : Int32Array).from(values);
        const layer = { ...description, bias: Int32Array.from(bias), weights: (signed.weights ? Int8Array : Uint8Array).from(weights) };
        const codes = (signed.input ? Int8Array : Uint8Array).from(input);
        const prepared = await prepare(layer);
        const output = await prepared.run(codes);
        const scalar = await (await prepare({ ...layer, variant: "scalar" })).run(codes);
        if (String(output) !== String(scalar)) throw new Error(prepared.kernel + " is not as the scalar kernel");
        if (output.length !== prepared.shape.reduce((a, b) => a * b)) throw new Error("shape " + prepared.shape);
        show([prepared.kernel, output]);
      }`,
      { cpu },
    );
    t.equal(lines[0], name);
    t.equal(lines.length, 1 + cases.length);
    for (const [i, { description, expected }] of cases.entries()) {
      const line = lines[i + 1];
      if (!Array.isArray(line)) throw new Error(`no line ${i}`);
      t.same(line[1], expected, `${cpu} ${line[0]} ${JSON.stringify(description)}`);
    }
  }
});

t.test("weights come dense as well", async (t) => {
  const [bytes, ...dense] = await shown(`
    const sums = async (change) => (await (await prepare({ input: [1, 1, 2, 4], outputs: 1, ...change })).run(change.bits < 4 ? Uint8Array.of(0, 1, 1, 0, 1, 1, 0, 0) : Int8Array.of(1, 2, 3, 4, 5, 6, 7, 7)));
    show([await sums({ bits: 4, weights: Int8Array.of(-8, 7, 1, -2) }), await sums({ bits: 2, weights: Uint8Array.of(3, 0, 2, 1) }), await sums({ bits: 1, weights: Uint8Array.of(1, 0, 1, 1) })]);
    show([await sums({ bits: 4, weightFormat: "int4", weights: Uint8Array.of(0x78, 0xe1) }), await sums({ bits: 2, weightFormat: "uint2", weights: Uint8Array.of(0b01100011) }), await sums({ bits: 1, weightFormat: "bits", weights: Uint8Array.of(0b1101) })]);
    show([await sums({ bits: 8, weightFormat: "log4", weights: Uint8Array.of(0x71, 0x09) })]);`);
  t.same(dense[0], bytes);
  t.same(dense[1], [[1 + 2 * 64 - 3, 5 + 6 * 64 - 7]]);
});

t.test(
  "memory is the app's: outputs are written in place, views are looked through, runs go side by side",
  async (t) => {
    t.same(
      await shown(`
      const layer = await prepare(small);
      const want = await layer.run(pixels);
      const room = new Int32Array(20).fill(77);
      const output = room.subarray(5, 13);
      const shifted = new Int8Array(20); shifted.set(pixels, 3);
      show([(await layer.run(shifted.subarray(3, 15), output)) === output, String(output) === String(want), room[4], room[13]]);
      const runs = await Promise.all(Array.from({ length: 12 }, () => layer.run(pixels)));
      show(runs.every((one) => String(one) === String(want)) && new Set(runs.map(({ buffer }) => buffer)).size === 12);
      const dropped = (await prepare(small)).run(new Int8Array(pixels));
      show([String(await dropped) === String(want), layer.shape, want]);`),
      [
        [true, true, 77, 77],
        true,
        [
          true,
          [1, 2, 2, 2],
          // pixels are -5 .. 6, three to a pixel
          [-22, 18, -4, 3, 14, -12, 32, -27],
        ],
      ],
    );
  },
);

t.test("packed weights go with their layer", async (t) => {
  const [grown] = await shown(`
    const big = { bits: 8, input: [1, 1, 1, 1024], outputs: 1024, weights: new Int8Array(1 << 20) };
    for (let i = 0; i < 4; i++) await (await prepare(big)).run(new Int8Array(1024));
    const before = memory().rss;
    for (let i = 0; i < 60; i++) await (await prepare(big)).run(new Int8Array(1024));
    show(memory().rss - before);`);
  if (typeof grown !== "number") throw new Error("no number");
  t.ok(grown < 20 << 20, `${grown} bytes after 60 layers of a megabyte`);
});

t.test("what cannot be is refused with a code, before anything runs", async (t) => {
  const refused: readonly (readonly [string, string])[] = [
    ["undefined", "ARGUMENT"],
    ["5", "ARGUMENT"],
    ["{}", "ARGUMENT"],
    ["{ ...small, strides: 2 }", "ARGUMENT"],
    ["{ ...small, bits: 3 }", "ARGUMENT"],
    ["{ ...small, bits: 8, inputBits: 2 }", "ARGUMENT"],
    ['{ ...small, bits: "8" }', "ARGUMENT"],
    ["{ ...small, bits: 9 }", "RANGE"],
    ["{ ...small, input: [1, 2, 2] }", "ARGUMENT"],
    ["{ ...small, input: [1, 2, 2, 3, 1] }", "RANGE"],
    ["{ ...small, input: [1, 2, 2, 0] }", "RANGE"],
    ["{ ...small, input: [1, 2, 2, 1.5] }", "RANGE"],
    ["{ ...small, input: [1, 2, 2, NaN] }", "RANGE"],
    ["{ ...small, input: [1, 2, 2, 1e9] }", "RANGE"],
    ["{ ...small, input: [65536, 65536, 65536, 3] }", "RANGE"],
    ["{ ...small, outputs: undefined }", "ARGUMENT"],
    ["{ ...small, outputs: -1 }", "RANGE"],
    ["{ ...small, kernel: 3 }", "RANGE"],
    ["{ ...small, kernel: [] }", "RANGE"],
    ["{ ...small, stride: [1, 0] }", "RANGE"],
    ["{ ...small, pad: [1, 2, 3] }", "ARGUMENT"],
    ["{ ...small, pad: -1 }", "RANGE"],
    ["{ ...small, groups: 2 }", "RANGE"],
    ["{ ...small, weights: small.weights.subarray(1) }", "SIZE"],
    ["{ ...small, weights: new Int8Array(7) }", "SIZE"],
    ["{ ...small, weights: new Int8Array(0) }", "SIZE"],
    ["{ ...small, weights: new Int8Array(6).fill(-128) }", "RANGE"],
    ["{ ...small, weights: new Uint8Array(6) }", "TYPE"],
    ["{ ...small, weights: [1, 2, 3, 4, 5, 6] }", "TYPE"],
    ['{ ...small, weightFormat: "uint2", weights: new Uint8Array(2) }', "ARGUMENT"],
    ['{ ...small, weightFormat: "int3" }', "ARGUMENT"],
    ["{ ...small, bits: 2, weights: new Uint8Array(6).fill(4) }", "RANGE"],
    ["{ ...small, bits: 7, inputSigned: false }", "ARGUMENT"],
    ["{ ...small, inputSigned: 1 }", "ARGUMENT"],
    ["{ ...small, inputZero: 128 }", "RANGE"],
    ["{ ...small, weightZero2: 1 }", "RANGE"],
    ["{ ...small, bias: new Int32Array(3) }", "SIZE"],
    ["{ ...small, bias: new Float32Array(2) }", "TYPE"],
    ["{ ...small, requantize: 1 }", "ARGUMENT"],
    ["{ ...small, requantize: {} }", "TYPE"],
    ["{ ...small, requantize: { scale: Float32Array.of(1, NaN) } }", "RANGE"],
    ["{ ...small, requantize: { scale: new Float32Array(1) } }", "SIZE"],
    ["{ ...small, requantize: { scale: new Float32Array(2), shift: new Int32Array(2) } }", "ARGUMENT"],
    ["{ ...small, requantize: { multiplier: new Int32Array(2) } }", "TYPE"],
    ["{ ...small, requantize: { multiplier: Int32Array.of(1, -1), shift: new Int32Array(2) } }", "RANGE"],
    ["{ ...small, requantize: { shift: Int32Array.of(0, 32) } }", "RANGE"],
    ["{ ...small, requantize: { shift: new Int32Array(2), min: 3, max: 2 } }", "RANGE"],
    ["{ ...small, requantize: { shift: new Int32Array(2), signed: false, zero: -1 } }", "RANGE"],
    ["{ ...small, requantize: { threshold: new Int32Array(4) } }", "SIZE"],
    ["{ ...small, requantize: { threshold: Int32Array.of(0, 2, 1, 0, 0, 0) } }", "RANGE"],
    ["{ ...small, requantize: { threshold: new Int32Array(2), zero: 1 } }", "ARGUMENT"],
    ['{ ...small, variant: "a99" }', "ARGUMENT"],
    ['{ ...small, variant: "neon32" }', "UNSUPPORTED"],
    // An SDOT on this core would be an illegal instruction.
    ['{ ...small, variant: "dot" }', "UNSUPPORTED"],
    ['{ ...small, get kernel() { throw new TypeError("mine") } }', "TypeError"],
  ];
  const [got, runs] = await shown(`
    show(await Promise.all([${refused.map(([text]) => `code(prepare(${text}))`).join(",")}]));
    const layer = await prepare({ ...small, requantize: { shift: new Int32Array(2) } });
    const shared = new Int8Array(16);
    show(await Promise.all([
      layer.run(), layer.run(new Int8Array(11)), layer.run(new Int8Array(13)), layer.run(new Uint8Array(12)), layer.run(Array(12).fill(0)),
      layer.run(pixels, new Int8Array(7)), layer.run(pixels, new Uint8Array(8)), layer.run(pixels, new Int32Array(8)), layer.run(pixels, null),
      layer.run(shared.subarray(0, 12), shared.subarray(8)), layer.run(pixels, pixels.subarray(0, 8)), layer.run(pixels, new Int8Array(8)),
      (async () => layer.run.call({}, pixels))(),
    ].map(code)));`);
  t.same(
    got,
    refused.map(([, code]) => code),
  );
  t.same(runs, [
    ...["TYPE", "SIZE", "SIZE", "TYPE", "TYPE", "SIZE", "TYPE", "TYPE", "TYPE"],
    ...["ARGUMENT", "ARGUMENT", "done", "TypeError"],
  ]);
});

t.test("an image without the library says what to write", async (t) => {
  const { code, milestones } = await runSource(app.path, 'import "edge:kernels";', {
    flags: ["--kernels", "/nowhere.so"],
  });
  t.equal(code, 1);
  t.match(milestones[0], { edgeimg: "app-error", message: /kernels: true.*nowhere\.so/ });
});
