import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readOnnx } from "../../src/formats/onnx.js";
import { exactIntegers } from "../../src/model/exact-integers.js";
import { inspectOnnx, runOnnx } from "../../src/model/reference.js";
import { numbers, type Tensor } from "../../src/model/tensor.js";
import { raw, type TinyModel, tinyOnnx } from "./onnx-builder.js";

/** The unpacked npm package onnxruntime-node 1.22.0: 93 MB that unit tests do not download; target tests do. */
const runtime = process.env.EDGEIMG_TEST_ONNXRUNTIME_HOST ?? "";

t.test(
  "onnxruntime on this machine",
  { skip: runtime === "" ? "EDGEIMG_TEST_ONNXRUNTIME_HOST is not set" : false },
  async (t) => {
    const work = t.testdir({});
    const at = (model: TinyModel | string) => {
      const file = join(work, "m.onnx");
      writeFileSync(file, typeof model === "string" ? model : tinyOnnx(model));
      return { runtime, model: file, name: "model m", work };
    };
    const node = (op: string, domain = "") => [{ op, domain, inputs: ["x"], outputs: ["y"] }];
    const relu: TinyModel = {
      nodes: node("Relu"),
      inputs: [{ name: "x", shape: [1, "n"] }],
      outputs: [{ name: "y", shape: [1, "n"] }],
    };
    const input = (...values: readonly number[]): Tensor => ({
      name: "x",
      type: "f32",
      shape: [1, values.length],
      data: new Uint8Array(Float32Array.from(values).buffer),
    });

    t.test("tells inputs and outputs", async (t) => {
      t.same(await inspectOnnx(at(relu)), {
        inputs: [{ name: "x", type: "f32", shape: [1, undefined] }],
        outputs: [{ name: "y", type: "f32", shape: [1, undefined] }],
      });
    });

    t.test("runs several inputs", async (t) => {
      const results = await runOnnx(at(relu), [[input(-1, 2)], [input(3, -4, 5)]]);
      t.same(
        results.map((run) => ("outputs" in run ? run.outputs : []).map((y) => [y.shape, Array.from(numbers(y))]).at(0)),
        [
          [
            [1, 2],
            [0, 2],
          ],
          [
            [1, 3],
            [3, 0, 5],
          ],
        ],
      );
    });

    // On a processor with AVX2 and without VNNI, each of these stops at 16 bits unless onnxruntime is told otherwise.
    t.test("whole-number products are exact", async (t) => {
      const depth = 64;
      const columns = 3;
      const extremes = (high: number, low: number) =>
        Array.from({ length: depth * columns }, (_, index) => (index % 5 === 0 ? low : high));
      const members = [
        ["unsigned by signed weights", 2, 3, true],
        ["unsigned by a signed input", 2, 3, false],
        ["signed by signed weights", 3, 3, true],
        ["unsigned by unsigned weights", 2, 2, true],
        ["signed by an unsigned input", 3, 2, false],
      ] as const;
      for (const [summary, left, right, isWeight] of members) {
        const range = (type: number): [number, number] => (type === 2 ? [255, 0] : [127, -128]);
        const a = extremes(...range(left)).slice(0, depth);
        const b = extremes(...range(right));
        const ports = [
          { name: "x", type: left, shape: [1, depth] },
          { name: "w", type: right, shape: [depth, columns] },
        ];
        const model: TinyModel = {
          nodes: [{ op: "MatMulInteger", inputs: ["x", "w"], outputs: ["y"] }],
          inputs: isWeight ? ports.slice(0, 1) : ports,
          outputs: [{ name: "y", type: 6, shape: [1, columns] }],
          weights: isWeight ? [{ name: "w", type: right, shape: [depth, columns], values: b }] : [],
        };
        const tensor = (name: string, type: number, shape: readonly number[], values: readonly number[]): Tensor => ({
          name,
          type: type === 2 ? "u8" : "i8",
          shape,
          data: raw(type, values),
        });
        const inputs = [tensor("x", left, [1, depth], a), tensor("w", right, [depth, columns], b)].slice(
          0,
          isWeight ? 1 : 2,
        );
        const exact = Array.from({ length: columns }, (_, column) =>
          a.reduce((sum, value, row) => sum + value * (b[row * columns + column] ?? 0), 0),
        );
        const [run] = await runOnnx(at(model), [inputs]);
        t.same(run && "outputs" in run && run.outputs.map((y) => Array.from(numbers(y))), [exact], summary);
      }
    });

    // What onnxruntime joins itself, from DequantizeLinear and MatMul: it turns weights and what it quantized to unsigned, but no input of the model.
    t.test("products of dequantized inputs are exact", async (t) => {
      const depth = 64;
      const members = [
        ["unsigned by signed", 2, 3],
        ["signed by unsigned", 3, 2],
        ["signed by signed", 3, 3],
        ["unsigned by unsigned", 2, 2],
        ["unsigned by signed, moved", 2, 3, "Identity"],
        ["unsigned by signed, reshaped", 2, 3, "Flatten"],
      ] as const;
      for (const [summary, left, right, mover] of members) {
        const values = (type: number, count: number) =>
          Array.from({ length: count }, (_, index) => (index % 7 === 0 ? 3 : type === 2 ? 255 : 127));
        const a = values(left, depth);
        const b = values(right, depth * 2);
        const model: TinyModel = {
          nodes: [
            { op: mover ?? "Identity", inputs: ["w"], outputs: ["moved"] },
            { op: "DequantizeLinear", inputs: ["x", "one"], outputs: ["xf"] },
            { op: "DequantizeLinear", inputs: [mover === undefined ? "w" : "moved", "one", "zero"], outputs: ["wf"] },
            { op: "MatMul", inputs: ["xf", "wf"], outputs: ["y"] },
          ],
          inputs: [
            { name: "x", type: left, shape: [1, depth] },
            { name: "w", type: right, shape: [depth, 2] },
          ],
          outputs: [{ name: "y", shape: [1, 2] }],
          weights: [
            { name: "one", shape: [], values: [1] },
            { name: "zero", shape: [], type: right, values: [2] },
          ],
        };
        const type = (one: number) => (one === 2 ? "u8" : "i8");
        const inputs: Tensor[] = [
          { name: "x", type: type(left), shape: [1, depth], data: raw(left, a) },
          { name: "w", type: type(right), shape: [depth, 2], data: raw(right, b) },
        ];
        const exact = [0, 1].map((column) =>
          a.reduce((sum, value, row) => sum + value * ((b[row * 2 + column] ?? 0) - 2), 0),
        );
        const [run] = await runOnnx(at(model), [inputs]);
        t.same(run && "outputs" in run ? run.outputs.map((y) => Array.from(numbers(y))) : run, [exact], summary);
        // No product of onnxruntime's is left that an app's signed bytes go into as they are.
        const changed = readOnnx(exactIntegers(tinyOnnx(model), readOnnx(tinyOnnx(model))).model).graph.nodes;
        for (const { op, inputs: taken } of changed)
          if (op === "DequantizeLinear")
            for (const name of taken) t.notOk(isSigned(name, left, right), `${summary}: ${name}`);
      }
      function isSigned(name: string, left: number, right: number): boolean {
        return (name === "x" && left === 3) || (["w", "moved", "zero"].includes(name) && right === 3);
      }
    });

    t.test("refuses what is no ONNX, unknown or does not fit", async (t) => {
      await t.rejects(inspectOnnx(at("version https://git-lfs")), {
        code: "ERR_EDGEIMG_MODEL_NOT_ONNX",
        message: "model m is not a model that onnxruntime can load",
      });
      for (const domain of ["", "my.ops"])
        await t.rejects(inspectOnnx(at({ ...relu, nodes: node("Foo", domain) })), {
          code: "ERR_EDGEIMG_MODEL_OPERATOR",
          message: /^model m: operator \S*Foo is not known to onnxruntime$/,
        });
      t.match(await runOnnx(at({ ...relu, inputs: [{ name: "x", shape: [1, 3] }] }), [[input(1)]]), [
        { error: /Got invalid dimensions/ },
      ]);
      await t.rejects(inspectOnnx({ ...at(relu), runtime: "nowhere" }), { code: "ERR_EDGEIMG_STEP_FAILED" });
    });
  },
);
