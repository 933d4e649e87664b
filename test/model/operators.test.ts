import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { operatorsIn, withNeeded, withoutText } from "../../src/model/operators.js";

/** As pnnx wrote it of a model of three operators. */
const written = `7767517
5 6
Input                    in0                      0 1 in0
MemoryData               w                        0 1 1 0=4 1=1
Split                    splitncnn_0              1 2 1 2 3
BinaryOp                 mul_0                    2 1 in0 3 4 0=2
BinaryOp                 add_1                    2 1 4 2 out0 0=0
`;
const home = fileURLToPath(new URL("../../", import.meta.url));

t.test("what is needed is followed to the end, also round a circle", (t) => {
  const needs = { a: ["b"], b: ["c", "a"], d: ["e"] };
  t.same(withNeeded(["a"], { always: ["x"], needs }), ["a", "b", "c", "x"]);
  t.same(withNeeded([], { always: ["x", "x"], needs }), ["x"]);
  t.same(
    withNeeded(["constructor"], { always: [], needs }),
    ["constructor"],
    "no member of every object is taken for a need",
  );
  t.end();
});

t.test("each way of building is told in its own words", (t) => {
  t.equal(
    withoutText("cmake", "WITH_LAYER_{lower}=OFF", ["ReLU", "LSTM"]),
    'set(WITH_LAYER_relu "OFF" CACHE STRING "no model uses it")\nset(WITH_LAYER_lstm "OFF" CACHE STRING "no model uses it")\n',
  );
  t.equal(withoutText("compile", "WITHOUT_{operator}=1", ["ReLU"]), "-DWITHOUT_ReLU=1\n");
  t.equal(withoutText("compile", "WITHOUT_{operator}=1", []), "");
  t.end();
});

t.test("a recipe's pattern finds the layers of a file that pnnx wrote, and nothing of its head", async (t) => {
  const { engines } = await loadCatalog(home, undefined);
  const operators = engines.get("ncnn")?.recipe.operators;
  if (operators === undefined || "why" in operators) throw new Error("ncnn can be built for the models alone");
  t.same(operatorsIn(written, operators.list.line), ["BinaryOp", "Input", "MemoryData", "Split"]);
  t.same(operatorsIn("7767517\n1 1\nInput in0 0 1 in0\r\n", operators.list.line), ["Input"], "with any end of line");
  t.same(operatorsIn("7767517\n12 14\n\u0000\u0001garbage\n", operators.list.line), []);
  const needed = withNeeded(["Deconvolution"], operators);
  t.ok(needed.includes("Gemm") && needed.includes("Packing"));
  t.notOk(needed.includes("LSTM"));
});
