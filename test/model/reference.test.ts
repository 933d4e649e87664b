import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { inspectOnnx, runOnnx } from "../../src/model/reference.js";
import { numbers, type Tensor } from "../../src/model/tensor.js";
import { type TinyModel, tinyOnnx } from "./onnx-builder.js";

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
        results.map(([y]) => y && [y.shape, Array.from(numbers(y))]),
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

    t.test("refuses what is no ONNX, unknown or does not fit", async (t) => {
      await t.rejects(inspectOnnx(at("version https://git-lfs")), {
        code: "ERR_EDGEIMG_MODEL_NOT_ONNX",
        message: "model m is not a valid ONNX model",
      });
      for (const domain of ["", "my.ops"])
        await t.rejects(inspectOnnx(at({ ...relu, nodes: node("Foo", domain) })), {
          code: "ERR_EDGEIMG_MODEL_OPERATOR",
          message: /^model m: operator \S*Foo is not known to onnxruntime$/,
        });
      await t.rejects(runOnnx(at({ ...relu, inputs: [{ name: "x", shape: [1, 3] }] }), [[input(1)]]), {
        code: "ERR_EDGEIMG_MODEL_SHAPES",
      });
      await t.rejects(inspectOnnx({ ...at(relu), runtime: "nowhere" }), { code: "ERR_EDGEIMG_STEP_FAILED" });
    });
  },
);
