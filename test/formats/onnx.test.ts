import t from "tap";
import { readOnnx } from "../../src/formats/onnx.js";
import { editOnnx } from "../../src/formats/onnx-edit.js";
import { ProtobufError } from "../../src/formats/protobuf.js";
import { tinyOnnx } from "../model/onnx-builder.js";

const model = tinyOnnx({
  nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"], int: { answer: 42 }, ints: { pads: [1, -1] } }],
  inputs: [{ name: "x", shape: ["batch", 2] }],
  outputs: [{ name: "y", shape: ["batch", 2] }],
  weights: [{ name: "w", shape: [2, 2], values: [1, 2, 3, 4] }],
});

t.test("reads graph, versions and shapes", async (t) => {
  const { irVersion, opsets, graph } = readOnnx(model);
  t.equal(irVersion, 8);
  t.same([...opsets], [["", 13]]);
  t.match(graph.nodes[0], { op: "MatMul", inputs: ["x", "w"], outputs: ["y"], name: "MatMul_0" });
  t.equal(graph.nodes[0]?.attributes.get("answer")?.integer, 42);
  t.same(graph.nodes[0]?.attributes.get("pads")?.integers, [1, -1]);
  t.same(graph.inputs, [{ name: "x", kind: "tensor", type: 1, shape: ["batch", 2] }]);
  t.same(graph.initializers, [{ name: "w", type: 1, shape: [2, 2] }]);
});

t.test("an edit that changes nothing gives the same bytes, a renaming reaches every use", async (t) => {
  t.same(editOnnx(model, {}), model);
  const { graph } = readOnnx(
    editOnnx(model, {
      rename: new Map([
        ["w", "v"],
        ["y", "z"],
      ]),
    }),
  );
  t.match(graph, {
    nodes: [{ inputs: ["x", "v"], outputs: ["z"] }],
    initializers: [{ name: "v" }],
    outputs: [{ name: "y" }],
  });
});

t.test("a cut, damaged or nested file is refused, and never takes long", async (t) => {
  let refused = 0;
  for (let length = 0; length < model.length; length++) {
    try {
      readOnnx(model.subarray(0, length));
    } catch (error) {
      t.type(error, ProtobufError);
      refused++;
    }
  }
  t.ok(refused > model.length * 0.9, `${refused} of ${model.length} cuts`);
  for (let at = 0; at < model.length; at++) {
    const damaged = model.slice();
    damaged[at] = 0xff;
    try {
      readOnnx(damaged);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
    }
  }
  // A graph in an attribute of a node of a graph, and so on.
  let nested = Buffer.alloc(0);
  const wrap = (field: number, bytes: Buffer) => {
    const size: number[] = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      size.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([field * 8 + 2, ...size]), bytes]);
  };
  for (let depth = 0; depth < 2000; depth++) nested = wrap(1, wrap(5, wrap(6, nested)));
  t.throws(() => readOnnx(wrap(7, nested)), { message: /more than 32 deep/ });
});
