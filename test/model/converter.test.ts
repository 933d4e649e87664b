import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import { converter, trace as traceSchema } from "../../src/catalog/converter.js";
import type { OperatorUse } from "../../src/formats/onnx-operators.js";
import { parseYamlWith } from "../../src/formats/yaml-schema.js";
import {
  refuseUntranslatable,
  traceArguments,
  unconvertedError,
  unconvertedLayers,
  withBlobs,
} from "../../src/model/converter.js";
import type { SidecarInput } from "../../src/model/sidecar.js";

const file = fileURLToPath(new URL("../../recipes/converters/pnnx/converter.yaml", import.meta.url));
const text = await readFile(file, "utf8");
const pnnx = parseYamlWith(converter, text, { file, code: "ERR_EDGEIMG_CATALOG_INVALID" }).value;
const { trace, inputBlob } = pnnx;
if (trace === undefined) throw new Error("the converter is shown no shapes");

const fixed = (size: number) => ({ min: size, max: size, step: 1 });
const x: SidecarInput = {
  name: "x",
  type: "f32",
  allowed: { dims: [fixed(1), fixed(3), fixed(48), { min: 32, max: 640, step: 8 }] },
};

t.test("an open input is shown at two shapes", async (t) => {
  t.same(traceArguments(trace, "rec", [x]), ["inputshape=[1,3,48,640]f32", "inputshape2=[1,3,48,336]f32"]);
});

t.test("a fixed one at one shape, several joined", async (t) => {
  const mask: SidecarInput = { name: "mask", type: "i32", allowed: { dims: [fixed(1), fixed(16)] } };
  const still: SidecarInput = { ...x, allowed: { dims: [1, 3, 48, 192].map(fixed) } };
  const args = (inputs: readonly SidecarInput[]) => traceArguments(trace, "rec", inputs);
  t.same(args([still, mask]), ["inputshape=[1,3,48,192]f32,[1,16]i32"]);
  t.same(args([x, mask]), ["inputshape=[1,3,48,640]f32,[1,16]i32", "inputshape2=[1,3,48,336]f32,[1,16]i32"]);
});

const refusedShapes: readonly (readonly [shape: readonly number[], message: string])[] = [
  [[], "Model rec: the engine takes no scalar (input x)"],
  [[1, 1, 1, 1, 1, 4], "Model rec: the engine takes no tensor of 6 dimensions (input x)"],
  [[2, 3], "Model rec: the engine takes no tensor that begins with 2 (input x)"],
  [[8, 3, 4, 4], "Model rec: the engine takes no tensor that begins with 8 (input x)"],
  [[3, 1, 1, 2, 2], "Model rec: the engine takes no tensor that begins with 3 (input x)"],
];
for (const [shape, message] of refusedShapes)
  t.test(`an input of [${shape.join(", ")}], which the format cannot hold, is refused by name`, async (t) => {
    const input = { ...x, allowed: { dims: shape.map(fixed) } };
    t.throws(() => traceArguments(trace, "rec", [input]), { code: "ERR_EDGEIMG_MODEL_OPERATOR", message });
    t.throws(() => traceArguments(trace, "rec", [{ ...x, allowed: { shapes: [shape] } }]), { message });
  });

t.test("a type that the converter lacks is refused", async (t) => {
  t.throws(() => traceArguments(trace, "rec", [{ ...x, type: "u8" }]), {
    code: "ERR_EDGEIMG_MODEL_OPERATOR",
    message: "Model rec: the engine takes no input of type u8 (x)",
  });
});

t.test("a converter that is shown no shapes refuses types all the same", async (t) => {
  const shownNothing = parseYamlWith(traceSchema, "types: { f32: f32 }\nrank: { min: 1, max: 4 }", {
    file,
    code: "ERR_EDGEIMG_CATALOG_INVALID",
  }).value;
  t.same(traceArguments(shownNothing, "rec", [x]), []);
  for (const input of [
    { ...x, type: "u8" as const },
    { ...x, allowed: { dims: [] } },
  ])
    t.throws(() => traceArguments(shownNothing, "rec", [input]), { code: "ERR_EDGEIMG_MODEL_OPERATOR" });
});

/** An operator that is used once, plainly. */
const use = (domain: string, operator: string, node: string): OperatorUse => ({
  ...{ domain, operator, node },
  inputs: 1,
  attributes: {},
});

t.test("what the engine computes otherwise is refused before the conversion, as it is used", async (t) => {
  const unlike = [
    { operator: "Max", inputs: 3 },
    { operator: "Resize", attribute: "antialias", values: [1] },
    { operator: "Shrink" },
  ];
  const judge = (...operators: readonly OperatorUse[]) =>
    refuseUntranslatable({ ...trace, unlike }, "rec", { outputs: [], operators });
  judge({ ...use("", "Max", ""), inputs: 2 }, { ...use("", "Resize", ""), attributes: { antialias: [0] } });
  t.throws(
    () => judge(use("my.ops", "Shrink", "")),
    { message: /Shrink of my\.ops/ },
    "an operator of others is not meant",
  );
  for (const [operator, says] of [
    [{ ...use("", "Max", "m"), inputs: 3 }, "Max of 3 inputs"],
    [{ ...use("", "Resize", "r"), attributes: { antialias: [0, 1] } }, "Resize, antialias 1"],
    [use("", "Shrink", "s"), "Shrink"],
  ] as const)
    t.throws(() => judge(use("", "Add", ""), operator), {
      code: "ERR_EDGEIMG_MODEL_OPERATOR",
      message: `Model rec: the engine computes ${says} otherwise than ONNX says`,
      details: [`the first ${operator.operator} is ${operator.node}`],
    });
});

t.test("an output's type that the engine lacks is refused before the conversion, by name", async (t) => {
  const operators = [use("", "ArgMax", "a")];
  for (const type of ["i64", "u8", "i8"] as const)
    t.throws(
      () =>
        refuseUntranslatable(trace, "rec", {
          outputs: [
            { name: "y", type: "f32" },
            { name: "best", type },
          ],
          operators,
        }),
      {
        code: "ERR_EDGEIMG_MODEL_OPERATOR",
        message: `Model rec: the engine gives no output of type ${type} (best)`,
        hint: /^It gives f32, i32\. Build with an engine that reads the file unconverted/,
      },
    );
  for (const type of ["f32", "i32"] as const)
    refuseUntranslatable(trace, "rec", { outputs: [{ name: "y", type }], operators });
});

t.test("operators that crash the converter are refused before, by name", async (t) => {
  const outputs = [{ name: "y", type: "f32" as const }];
  const operators = [
    use("", "Add", "a"),
    use("ai.onnx.ml", "Normalizer", ""),
    use("com.microsoft", "FusedMatMul", "mm"),
    use("com.microsoft", "Gelu", ""),
    use("com.microsoft", "MatMulNBits", "q"),
    use("my.ops", "Foo", ""),
  ];
  t.throws(() => refuseUntranslatable(trace, "rec", { outputs, operators }), {
    code: "ERR_EDGEIMG_MODEL_OPERATOR",
    message:
      "Model rec needs what the engine's converter does not have: Normalizer of ai.onnx.ml, FusedMatMul of com.microsoft, Gelu of com.microsoft, MatMulNBits of com.microsoft, Foo of my.ops",
    details: [
      "ai.onnx.ml:Normalizer",
      "com.microsoft:FusedMatMul (mm)",
      "com.microsoft:Gelu",
      "com.microsoft:MatMulNBits (q)",
      "my.ops:Foo",
    ],
  });
});

t.test("results get their names in the engine", async (t) => {
  t.same(
    withBlobs([x, { ...x, name: "z" }], inputBlob).map((port) => port.blob),
    ["in0", "in1"],
  );
  t.same(withBlobs([x], undefined), [x]);
});

t.test("layers that were not translated are found", async (t) => {
  const param = [
    "7767517",
    "6 6",
    "Input                    in0                      0 1 in0",
    "pnnx.Expression          expr_3                   1 1 in0 1 expr=add(@0,1)",
    "torch.logical_not        torch.logical_not_0      1 1 1 2",
    "aten::roll               roll_1                   1 1 2 3",
    "nn.GELU                  gelu_9                   1 1 3 4",
    "Convolution              conv_0                   1 1 4 out0 0=16 1=3",
    "",
  ].join("\n");
  const layers = unconvertedLayers(param, pnnx.unconverted?.line ?? "");
  t.same(
    layers.map(({ operator }) => operator),
    ["pnnx.Expression", "torch.logical_not", "aten::roll", "nn.GELU"],
  );
  t.match(unconvertedError("rec", "ncnn", layers), {
    code: "ERR_EDGEIMG_MODEL_OPERATOR",
    message: "Model rec needs what ncnn does not have: aten::roll, nn.GELU, pnnx.Expression, torch.logical_not",
  });
});
