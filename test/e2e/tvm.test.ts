import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { readElf } from "../../src/formats/elf.js";
import type { TinyModel } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";
import { tinyProject } from "./model-project.js";

/** Models through TVM: compiled for a board's core, run on it and compared with onnxruntime by the build's own steps. */
const folder = await scratchFolder("tvm");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const [int8, uint8, int32, int64] = [3, 2, 6, 7];

/** Several ports of several types, one of them given as it came; a convolution with what follows it; a scalar. */
const mixed: TinyModel = {
  nodes: [
    { op: "Conv", inputs: ["a b:0/größe%3d#", "w"], outputs: ["conv"], ints: { pads: [1, 1, 1, 1] } },
    { op: "Relu", inputs: ["conv"], outputs: ["結果 =;"] },
    { op: "Identity", inputs: ["bytes"], outputs: ["same"] },
    { op: "Cast", inputs: ["bytes"], outputs: ["wide"], int: { to: int64 } },
    { op: "Add", inputs: ["wide", "ids"], outputs: ["sum"] },
    { op: "Cast", inputs: ["signed"], outputs: ["number"], int: { to: int32 } },
  ],
  inputs: [
    { name: "a b:0/größe%3d#", shape: [1, 3, 6, 10] },
    { name: "bytes", type: uint8, shape: [4] },
    { name: "ids", type: int64, shape: [4] },
    { name: "signed", type: int8, shape: [] },
  ],
  outputs: [
    { name: "結果 =;", shape: [1, 4, 6, 10] },
    { name: "same", type: uint8, shape: [4] },
    { name: "sum", type: int64, shape: [4] },
    { name: "number", type: int32, shape: [] },
  ],
  weights: [{ name: "w", shape: [4, 3, 3, 3], values: Array.from({ length: 108 }, (_, i) => ((i * 37) % 19) / 9 - 1) }],
};

const unknown: TinyModel = {
  nodes: [{ op: "Det", inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [3, 3] }],
  outputs: [{ name: "y", shape: [] }],
};

const first = await tinyProject(join(folder, "first"), { engine: "tvm", onnx: { mixed, unknown } });
const compiled = async (tree: string) => await readFile(join(tree, "mixed.so"));

t.test("types, several ports, odd names and a scalar are right on the board's core", async (t) => {
  await t.resolves(first("model-check/mixed"));
});

t.test("a model is code for its core, and says nothing of the place where it was made", async (t) => {
  const code = await compiled(await first("convert/tvm/mixed"));
  t.equal(readElf(code)?.machine, 183);
  for (const text of ["/work/", "/tmp/", "edgeimg"]) t.notOk(code.includes(text), text);
  const other = await tinyProject(join(folder, "second"), { board: "qemu-a53", engine: "tvm", onnx: { mixed } });
  t.notOk(code.equals(await compiled(await other("convert/tvm/mixed"))), "another core has code of its own");
});

t.test("an operator that TVM does not know is refused by name", async (t) => {
  await t.rejects(first("convert/tvm/unknown"), {
    code: "ERR_EDGEIMG_MODEL_CONVERSION",
    message: /^Model unknown cannot be converted for TVM/,
    details: [/not supported for frontend ONNX: Det/],
  });
});
