import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { treePath } from "../../src/store/store.js";
import { testPlan, testServices } from "../helpers/services.js";
import { raw, type TinyModel, type TinyPort, tinyOnnx } from "../model/onnx-builder.js";

const newest = { version: "1.22.0", ir: 10, opset: 22 };
const values = [1, 2, 3, 4];

/** The model.onnx that the build makes of a model's folder. */
async function taken(t: Test, files: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  const folder = t.testdir({ cache: {}, project: {} });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "project", path)), { recursive: true });
    writeFileSync(join(folder, "project", path), content);
  }
  return await build(folder);
}

async function build(folder: string, name = "m.onnx"): Promise<Uint8Array> {
  const services = await testServices(join(folder, "cache"));
  const steps = testPlan([
    { id: "source", kind: "local", params: { path: join(folder, "project", name), model: "Model m" } },
    { id: "onnx", kind: "onnx", inputs: { source: "source" }, params: { name: "m", path: name, newest } },
  ]);
  const tree = treePath(services.store, (await execute(steps, ["onnx"], services)).get("onnx")?.digest ?? "");
  return readFileSync(join(tree, "model.onnx"));
}

const adding = (external?: Readonly<Record<string, string>>): TinyModel => ({
  nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [4] }],
  outputs: [{ name: "y", shape: [4] }],
  weights: [{ name: "w", shape: [4], values, ...(external === undefined ? {} : { external }) }],
});
const data = raw(1, values);

t.test("weights beside a model are put into it", async (t) => {
  const padded = new Uint8Array(64).fill(9);
  padded.set(data, 32);
  const members: readonly (readonly [
    string,
    Readonly<Record<string, string>>,
    Readonly<Record<string, Uint8Array>>,
  ])[] = [
    ["as PyTorch exports", { location: "m.onnx.data", offset: "0", length: "16" }, { "m.onnx.data": data }],
    ["without offset and length", { location: "weights.bin" }, { "weights.bin": data }],
    ["in the middle of a file", { location: "w", offset: "32", length: "16" }, { w: padded }],
    ["with a checksum", { location: "w", offset: "32", length: "16", checksum: "0" }, { w: padded }],
    ["in a folder", { location: "data/a b/w.bin" }, { "data/a b/w.bin": data }],
    ["with ./ before it", { location: "./w" }, { w: data }],
    ["with an odd name", { location: "a=b 100% 'q' \"Q\".bin" }, { "a=b 100% 'q' \"Q\".bin": data }],
    ["with a dash before it", { location: "-rf" }, { "-rf": data }],
    ["with a line's end in it", { location: "a\nb" }, { "a\nb": data }],
    ["with 255 bytes", { location: "w".repeat(255) }, { ["w".repeat(255)]: data }],
    ["with a name in Unicode", { location: "gewichte-ü.data" }, { "gewichte-ü.data": data }],
  ];
  const plain = readOnnx(tinyOnnx(adding()));
  for (const [summary, external, files] of members) {
    const made = await taken(t, { "m.onnx": tinyOnnx(adding(external)), ...files });
    t.same(readOnnx(made), plain, summary);
    t.ok(Buffer.from(made).includes(Buffer.from(data)), summary);
  }
});

t.test("a model file with an odd name is taken, and its weights beside it", async (t) => {
  const plain = readOnnx(tinyOnnx(adding()));
  for (const name of [
    "a b.onnx",
    "größe 結果.onnx",
    "x=y%41.onnx",
    "-rf",
    "--help",
    "a'b\"c.onnx",
    "$(id) `id` #;:.onnx",
    "line\nend.onnx",
    "n".repeat(255),
  ]) {
    const folder = t.testdir({ cache: {}, project: {} });
    writeFileSync(join(folder, "project", name), tinyOnnx(adding({ location: "w" })));
    writeFileSync(join(folder, "project/w"), data);
    t.same(readOnnx(await build(folder, name)), plain, JSON.stringify(name));
  }
});

t.test("weights that are not beside the model are named", async (t) => {
  const members: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ["missing", { location: "m.onnx.data" }, /^Model m has weights in m\.onnx\.data, which is not beside it/],
    ["a parent", { location: "../secret" }, /weights w in "\.\.\/secret", which is not in the model's folder/],
    ["a parent further in", { location: "a/../../secret" }, /not in the model's folder/],
    ["absolute", { location: "/etc/passwd" }, /not in the model's folder/],
    ["a Windows path", { location: "C:\\w.bin" }, /not in the model's folder/],
    ["no name", { location: "" }, /not in the model's folder/],
    ["too short", { location: "short" }, /from byte 0, 3 bytes, but short has 3/],
    ["beyond its end", { location: "short", offset: "100", length: "16" }, /from byte 100/],
    ["a negative offset", { location: "short", offset: "-16", length: "16" }, /cut off|from byte/],
    ["a folder", { location: "folder" }, /folder is no file/],
    ["more than 255 bytes", { location: "w".repeat(256) }, /not beside it|cannot be read|too long/],
  ];
  for (const [summary, external, message] of members)
    await t.rejects(
      taken(t, { "m.onnx": tinyOnnx(adding(external)), short: "abc", "folder/x": "" }),
      { code: "ERR_EDGEIMG_MODEL_DATA", message },
      summary,
    );
  for (const link of ["w.bin", "d"]) {
    const folder = t.testdir({ cache: {}, outside: { "w.bin": Buffer.from(data) }, project: {} });
    const external = { location: link === "d" ? "d/w.bin" : link };
    writeFileSync(join(folder, "project/m.onnx"), tinyOnnx(adding(external)));
    symlinkSync(link === "d" ? "../outside" : "../outside/w.bin", join(folder, "project", link));
    await t.rejects(build(folder), { code: "ERR_EDGEIMG_MODEL_DATA", message: /is a link/ }, `a link: ${link}`);
  }
});

t.test("a model that is newer than onnxruntime says so, and how to export it", async (t) => {
  const members: readonly (readonly [Partial<TinyModel>, RegExp, RegExp])[] = [
    [{ ir: 11 }, /has IR version 11; the newest .* reads is 10/, /ir_version = 10/],
    [{ ir: 13, opset: 22 }, /has IR version 13/, /ir_version = 10/],
    [{ ir: 10, opset: 23 }, /has opset 23; the newest .* is opset 22/, /opset_version=22/],
    [{ ir: 13, opset: 25 }, /has opset 25 and IR version 13/, /convert_version\(model, 22\)/],
    [{ ir: 99, opset: 99, producer: "pytorch" }, /^Model m \(written by pytorch\) has opset 99/, /opset_version=22/],
  ];
  for (const [change, message, hint] of members)
    await t.rejects(taken(t, { "m.onnx": tinyOnnx({ ...adding(), ...change }) }), {
      code: "ERR_EDGEIMG_MODEL_VERSION",
      message,
      hint,
    });
  for (const change of [
    { ir: 3 },
    { ir: 4, opset: 7 },
    { ir: 8, opset: 9 },
    { ir: 10, opset: 22 },
    { ir: 7, opset: 12 },
  ])
    t.ok(await taken(t, { "m.onnx": tinyOnnx({ ...adding(), ...change }) }), JSON.stringify(change));
});

t.test("what is no ONNX is called by its name", async (t) => {
  const members: readonly (readonly [string, RegExp])[] = [
    ["version https://git-lfs.github.com/spec/v1\noid sha256:1\n", /git lfs pull/],
    ["<!DOCTYPE html><html>", /web page/],
    ["PK\u0003\u0004\u0014\u0000", /torch\.onnx\.export/],
    ["\u001c\u0000\u0000\u0000TFL3\u0014\u0000", /TensorFlow Lite/],
    ["", /empty/],
    ["no model at all", /hash/],
  ];
  for (const [content, hint] of members)
    await t.rejects(
      taken(t, { "m.onnx": content }),
      { code: "ERR_EDGEIMG_MODEL_NOT_ONNX", hint },
      JSON.stringify(content),
    );
});

t.test("inputs and outputs of other types are converted, or named with the way out", async (t) => {
  const model = (x: Partial<TinyPort>, y: Partial<TinyPort> = {}): TinyModel => ({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", shape: [1, 4], ...x }],
    outputs: [{ name: "y", shape: [1, 4], ...y }],
  });
  for (const [type, ours] of [
    [10, 1],
    [16, 1],
    [11, 1],
    [9, 2],
    [5, 6],
    [4, 6],
    [12, 7],
  ] as const) {
    const { graph } = readOnnx(await taken(t, { "m.onnx": tinyOnnx(model({ type }, { type })) }));
    t.match(graph, { inputs: [{ name: "x", type: ours, shape: [1, 4] }], outputs: [{ name: "y", type: ours }] });
    t.same(
      graph.nodes.map(({ op, inputs, outputs, attributes }) => [
        op,
        ...inputs,
        ...outputs,
        attributes.get("to")?.integer,
      ]),
      [
        ["Cast", "x", "edgeimg/cast/x", type],
        ["Identity", "edgeimg/cast/x", "edgeimg/cast/y", undefined],
        ["Cast", "edgeimg/cast/y", "y", ours],
      ],
    );
  }
  const same = tinyOnnx(model({ type: 3 }, { type: 7 }));
  t.same(await taken(t, { "m.onnx": same }), Buffer.from(same), "types of ours stay as they are");
  const members: readonly (readonly [TinyModel, RegExp, RegExp])[] = [
    [model({ type: 8 }), /input x is a tensor of string/, /tokenize/],
    [model({}, { type: 8 }), /output y is a tensor of string/, /look labels up/],
    [model({}, { isZipMap: true }), /output y is a sequence/, /zipmap=False/],
    [model({ type: 14 }), /tensor of complex64/, /Add a Cast/],
    [model({}, { type: 13 }), /output y is a tensor of uint64/, /Add a Cast/],
    [{ ...model({ type: 10 }), opset: 5 }, /tensor of float16/, /opset 13/],
  ];
  for (const [one, message, hint] of members)
    await t.rejects(taken(t, { "m.onnx": tinyOnnx(one) }), { code: "ERR_EDGEIMG_MODEL_TYPE", message, hint });
});

t.test("inputs and outputs that no app can use are refused, with the place", async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `y${index}`);
  const model = ({
    x = "x",
    ys = ["y"],
    shape = [4],
  }: {
    x?: string;
    ys?: readonly string[];
    shape?: readonly number[];
  }) =>
    tinyOnnx({
      nodes: ys.map((y) => ({ op: "Identity", inputs: [x], outputs: [y] })),
      inputs: [{ name: x, shape }],
      outputs: ys.map((name) => ({ name, shape })),
    });
  const members: readonly (readonly [Parameters<typeof model>[0], RegExp, RegExp])[] = [
    [{ x: "a\nb" }, /^Model m: the name of input 1, "a\\nb", has a control character in it\.$/, /input_names=/],
    [{ ys: ["y", "\u0000"] }, /the name of output 2, "\\u0000", has a control/, /output_names=/],
    [{ ys: ["\u001b[31m"] }, /the name of output 1, "\\u001b\[31m", has a control/, /output_names=/],
    [{ x: "del\u007f" }, /"del\\u007f", has a control/, /input_names=/],
    [{ x: "" }, /the name of input 1, "", is empty/, /input_names=/],
    [{ ys: ["ü".repeat(200)] }, /has 400 bytes; 255 are the most/, /output_names=/],
    [{ ys: many(33) }, /has 33 outputs; an app can use 1 to 32/, /fewer/],
    [{ ys: [] }, /has no outputs/, /values that the app needs/],
    [{ shape: [1, 1, 1, 1, 1, 1, 1, 1, 2] }, /input x has 9 dimensions/, /Reshape/],
    [{ shape: [0, 4] }, /input x has a size of 0/, /without x/],
  ];
  for (const [change, message, hint] of members)
    await t.rejects(taken(t, { "m.onnx": model(change) }), { code: "ERR_EDGEIMG_MODEL_PORTS", message, hint });
  for (const change of [
    { x: "a=b %#'\"" },
    { ys: ["--y", "../y", "結果"] },
    { ys: ["y".repeat(255)] },
    { ys: many(32) },
  ])
    t.ok(await taken(t, { "m.onnx": model(change) }), JSON.stringify(change));
});
