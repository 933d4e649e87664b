import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { findKind } from "../../src/execute/kinds.js";
import { writeNpy } from "../../src/formats/npy.js";
import { type KeptRun, readRuns, writeRuns } from "../../src/model/kept-runs.js";
import { testServices } from "../helpers/services.js";
import { tinyOnnx } from "../model/onnx-builder.js";

/** The steps of a model's check that run no engine. Token ids and a mask with one open dimension, numbers; one row of scores. */
const dims = (...sizes: number[]) => sizes.map((size) => ({ min: size, max: size, step: 1 }));
const openDim = { min: 1, max: 8, step: 1 };
const ports = {
  inputs: [
    { name: "ids", type: "i64", allowed: { dims: [...dims(1), openDim] } },
    { name: "mask", type: "u8", allowed: { dims: [...dims(1), openDim] } },
    { name: "x", type: "f32", allowed: { dims: dims(2, 2) } },
  ],
  outputs: [{ name: "y", type: "f32", dims: dims(1, 3) }],
  operators: [],
};
const onnx = tinyOnnx({
  nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  inputs: [
    { name: "ids", type: 7, shape: [1, "tokens"] },
    { name: "mask", type: 2, shape: [1, "tokens"] },
    { name: "x", shape: [2, 2] },
  ],
  outputs: [{ name: "y", shape: [1, 3] }],
});

const f32 = (shape: number[], ...values: number[]) =>
  writeNpy({ kind: "f", size: 4, shape, data: new Uint8Array(Float32Array.from(values).buffer) });
const i64 = (shape: number[], ...values: bigint[]) =>
  writeNpy({ kind: "i", size: 8, shape, data: new Uint8Array(BigInt64Array.from(values).buffer) });
const bool = (shape: number[], ...values: number[]) =>
  writeNpy({ kind: "b", size: 1, shape, data: Uint8Array.from(values) });
const good = { ids: i64([1, 3], 101n, 7592n, 102n), mask: bool([1, 3], 1, 1, 0), x: f32([2, 2], 1, Number.NaN, 3, 4) };

let made = 0;
/** Runs one step. Files are laid into inputs of their names. */
async function step(
  t: Test,
  root: string,
  job: {
    kind: string;
    params: object;
    inputs?: Readonly<Record<string, string>>;
    files?: Readonly<Record<string, Uint8Array>>;
  },
): Promise<string> {
  const folder = join(root, String(made++));
  for (const name of ["out", "work", "cache", "ports", "onnx", "files"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "ports/ports.json"), JSON.stringify(ports));
  writeFileSync(join(folder, "onnx/model.onnx"), onnx);
  for (const [name, bytes] of Object.entries(job.files ?? {})) writeFileSync(join(folder, "files", name), bytes);
  const own = { ports: join(folder, "ports"), onnx: join(folder, "onnx"), files: join(folder, "files") };
  const services = await testServices(join(folder, "cache"));
  const out = join(folder, "out");
  await findKind(job.kind)
    .bind(job.params)
    .run({
      services,
      inputs: { ...own, ...job.inputs },
      out,
      work: join(folder, "work"),
      instead: [],
      progress: () => {},
      log: (_, message) => t.comment(message),
    });
  return out;
}

function readFiles(
  t: Test,
  root: string,
  side: "inputs" | "outputs",
  files: Readonly<Record<string, Uint8Array>>,
  all = false,
) {
  const named = Object.fromEntries(Object.keys(files).map((port) => [port, { input: "files", path: port }]));
  return step(t, root, { kind: "model-values", params: { name: "m", side, files: named, all }, files });
}

t.test("token ids, masks and numbers of files are the first run, in their shapes, as NumPy has them", async (t) => {
  const root = t.testdir();
  const given = await readFiles(t, root, "inputs", good);
  const cases = await step(t, root, { kind: "model-cases", params: { name: "m", golden: true }, inputs: { given } });
  const [first, ...others] = await readRuns(cases);
  t.equal(others.length, 0, "without a reference nothing else is run");
  t.same(
    first?.inputs.map(({ name, type, shape }) => [name, type, shape]),
    [
      ["ids", "i64", [1, 3]],
      ["mask", "u8", [1, 3]],
      ["x", "f32", [2, 2]],
    ],
  );
  t.same([...(first?.inputs[1]?.data ?? [])], [1, 1, 0]);
  t.same(readFileSync(join(cases, "0/in-0.npy")), Buffer.from(good.ids), "kept as NumPy reads it");
});

t.test("values fill an input, and dimensions of one name follow the file that is given", async (t) => {
  const root = t.testdir();
  const given = await readFiles(t, root, "inputs", { ids: good.ids });
  const params = { name: "m", values: { mask: [1, 0], x: [0.5] }, golden: true };
  const [first] = await readRuns(await step(t, root, { kind: "model-cases", params, inputs: { given } }));
  t.same([...(first?.inputs[1]?.data ?? [])], [1, 0, 1]);
  t.same([...new Float32Array((first?.inputs[2]?.data ?? new Uint8Array()).slice().buffer)], [0.5, 0.5, 0.5, 0.5]);
  const late = step(t, root, { kind: "model-cases", params: { name: "m", values: { ids: [0.5] } } });
  await t.rejects(late, { code: "ERR_EDGEIMG_MODEL_INPUTS", message: /input ids: 0\.5 is no i64/ });
  for (const [name, told] of [
    ["values", { values: { idz: [1] } }],
    ["a range", { ranges: { idz: { min: 0, max: 1 } } }],
  ] as const) {
    const misspelt = step(t, root, { kind: "model-cases", params: { name: "m", ...told } });
    await t.rejects(
      misspelt,
      { code: "ERR_EDGEIMG_MODEL_SHAPES", message: /no input idz/, hint: "Did you mean ids?" },
      `${name} for an input that is not there`,
    );
  }
  const two = await readFiles(t, root, "inputs", { ...good, mask: bool([1, 4], 1, 1, 1, 1) });
  const disagree = step(t, root, { kind: "model-cases", params: { name: "m" }, inputs: { given: two } });
  await t.rejects(disagree, { code: "ERR_EDGEIMG_MODEL_SHAPES", message: /both called tokens/ });
  const missing = step(t, root, { kind: "model-cases", params: { name: "m", golden: true }, inputs: { given } });
  await t.rejects(missing, { code: "ERR_EDGEIMG_MODEL_GOLDEN", message: /no values for mask, x/ });
});

t.test(
  "errors of the file, its shape, its type and its values are told apart, with the file and the place",
  async (t) => {
    const root = t.testdir();
    for (const [what, port, bytes, code, says] of [
      ["no .npy", "x", Buffer.from("version https://git-lfs"), "NPY_INVALID", /input x: x is no \.npy file/],
      ["cut off", "x", good.x.subarray(0, -1), "NPY_INVALID", /x is cut off/],
      ["another shape", "x", f32([4], 1, 2, 3, 4), "MODEL_SHAPES", /x has the shape 4,/],
      ["a size not declared", "ids", i64([1, 9], ...Array(9).fill(1n)), "MODEL_SHAPES", /1x9/],
      ["whole numbers for others", "x", i64([2, 2], 1n, 2n, 3n, 4n), "MODEL_TYPE", /x holds int64, the model has f32/],
      ["other numbers for whole ones", "ids", f32([1, 1], 1), "MODEL_TYPE", /ids holds float32, the model has i64/],
      [
        "a value that does not fit",
        "mask",
        i64([1, 2], 1n, 256n),
        "MODEL_INPUTS",
        /the value 256 at \[0, 1\] does not fit u8/,
      ],
      ["a negative one", "mask", i64([1, 1], -1n), "MODEL_INPUTS", /the value -1 at \[0, 0\]/],
      [
        "one too large for f32",
        "x",
        writeNpy({ kind: "f", size: 8, shape: [2, 2], data: new Uint8Array(Float64Array.of(0, 0, 1e300, 0).buffer) }),
        "MODEL_INPUTS",
        /the value 1e\+300 at \[1, 0\] is too large for f32/,
      ],
      ["an unknown input", "idz", good.ids, "MODEL_SHAPES", /no input idz/],
    ] as const)
      await t.rejects(
        readFiles(t, root, "inputs", { [port]: bytes }),
        { code: `ERR_EDGEIMG_${code}`, message: says },
        what,
      );
    const nan = readFiles(t, root, "outputs", { y: f32([1, 3], 0, Number.NaN, 1) });
    await t.rejects(nan, { code: "ERR_EDGEIMG_MODEL_GOLDEN", message: /y: the value NaN at \[0, 1\] is not a number/ });
    const none = readFiles(t, root, "outputs", {}, true);
    await t.rejects(none, { code: "ERR_EDGEIMG_MODEL_GOLDEN", message: /no golden file for y/ });
  },
);

t.test("golden outputs are judged beside onnxruntime, or alone; which side is wrong is said", async (t) => {
  const root = t.testdir();
  const y = (...values: number[]) => ({
    name: "y",
    type: "f32" as const,
    shape: [1, values.length],
    data: new Uint8Array(Float32Array.from(values).buffer),
  });
  const keep = async (name: string, runs: readonly KeptRun[]) => {
    const folder = join(root, name);
    mkdirSync(folder, { recursive: true });
    await writeRuns(folder, runs);
    return folder;
  };
  const x = { name: "x", type: "f32" as const, shape: [1], data: new Uint8Array(4) };
  const cases = await keep("cases", [{ inputs: [x], outputs: [y(1, 2, 3)] }]);
  const actual = await keep("actual", [{ inputs: [], outputs: [y(1, 2, 3.0001)] }]);
  const right = await keep("right", [{ inputs: [], outputs: [y(1, 2, 3)] }]);
  const wrong = await keep("wrong", [{ inputs: [], outputs: [y(9, 2, 3)] }]);
  const usual = {
    name: "m",
    engine: "toy",
    cpu: "cortex-a72",
    against: "onnxruntime",
    metric: "agreement",
    tolerance: 1e-3,
  };
  const check = (more: object, inputs: Readonly<Record<string, string>> = {}) =>
    step(t, root, { kind: "check-model", params: { ...usual, ...more }, inputs: { cases, actual, ...inputs } });
  const code = "ERR_EDGEIMG_MODEL_TOLERANCE";
  t.match(JSON.parse(readFileSync(join(await check({}), "check.json"), "utf8")), { passed: true, runs: { length: 1 } });
  await check({ against: "golden" }, { golden: right });
  await check({}, { golden: right });
  await t.rejects(check({ tolerance: 1e-5 }), {
    code,
    message: /than onnxruntime/,
    hint: /raise `models\.m\.tolerance`/,
  });
  await t.rejects(check({}, { golden: wrong }), {
    code,
    message: /golden outputs/,
    hint: /onnxruntime on this machine .* as well/,
  });
  await t.rejects(check({ against: "golden" }, { golden: wrong }), { code, hint: /make the golden files anew/ });
  await t.rejects(check({ against: "golden" }), /nothing to judge by/, "no fake success");
  await check({ metric: "top-1", tolerance: 0 });
  await check({ tolerance: 1e-9, outputs: { y: { metric: "cosine", tolerance: 1e-3 } } });
  const scalar = await keep("scalar", [{ inputs: [x], outputs: [y(1)] }]);
  const top = check({ metric: "top-1", tolerance: 0 }, { cases: scalar, actual: scalar });
  await t.rejects(top, { code: "ERR_EDGEIMG_MODEL_SHAPES", hint: /models\.m\.outputs\.y\.metric/ });
});
