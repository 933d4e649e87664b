import t from "tap";
import { renderSidecar, type Sidecar } from "../../src/model/sidecar.js";

const base: Sidecar = {
  engine: "ncnn",
  files: { weights: "det.ncnn.bin", param: "det.ncnn.param" },
  inputs: [
    {
      name: "x",
      type: "f32",
      blob: "in0",
      allowed: {
        dims: [
          { min: 1, max: 1, step: 1 },
          { min: 32, max: 1280, step: 32 },
          { min: 3, max: 9, step: 1 },
        ],
      },
    },
  ],
  outputs: [{ name: "sigmoid_0.tmp_0", type: "f32", blob: "out0" }],
};

t.test("writes the lines of docs/architecture.md", async (t) => {
  t.equal(
    renderSidecar({ ...base, options: { "threads-max": 4 } }),
    [
      "edge-nn 1",
      "engine ncnn",
      "file param det.ncnn.param",
      "file weights det.ncnn.bin",
      "input x f32 blob=in0 dims=1,32..1280/32,3..9",
      "output sigmoid_0.tmp_0 f32 blob=out0",
      "option threads-max 4",
      "",
    ].join("\n"),
  );
});

t.test("writes whole shapes, quantization and escapes", async (t) => {
  const text = renderSidecar({
    engine: "toy",
    files: { model: "my model.onnx" },
    inputs: [
      {
        name: "image 1%#",
        type: "i8",
        allowed: {
          shapes: [
            [1, 2],
            [1, 4],
          ],
        },
        quantization: { scale: 0.5, zeroPoint: -128 },
      },
      { name: "rate", type: "i64", allowed: { dims: [] } },
    ],
    outputs: [{ name: "y", type: "u8", blob: "y" }],
  });
  t.match(text, "file model my%20model.onnx\n");
  t.match(text, "input image%201%25%23 i8 quant=0.5,-128 shapes=1,2;1,4\n");
  t.match(text, "input rate i64 dims=scalar\n");
  t.match(text, "output y u8\n", "a blob of the same name needs no telling");
});

t.test("refuses what the reader on the device would refuse", async (t) => {
  const bad: readonly (readonly [string, Partial<Sidecar>])[] = [
    ["a path", { files: { model: "../m.onnx" } }],
    ["a hidden file", { files: { model: ".m" } }],
    ["a role that is no word", { files: { "a b": "m" } }],
    ["a newline in a name", { outputs: [{ name: "a\nfile x y", type: "f32" }] }],
    ["half a surrogate pair", { outputs: [{ name: "\ud800", type: "f32" }] }],
    ["an empty name", { outputs: [{ name: "", type: "f32" }] }],
  ];
  for (const [summary, change] of bad) t.throws(() => renderSidecar({ ...base, ...change }), RangeError, summary);
  t.throws(() => renderSidecar({ ...base, outputs: [{ name: "a".repeat(70_000), type: "f32" }] }), {
    code: "ERR_EDGEIMG_MODEL_PORTS",
    message: /has 7\d{4} bytes; 65536 are the most/,
  });
});
