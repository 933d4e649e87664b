import t from "tap";
import { fixedLimit } from "../../src/catalog/converter.js";
import { checkFixed, fixedShapes, together } from "../../src/model/fixed-shapes.js";

const dim = (min: number, max = min, step = 1) => ({ min, max, step });
const open = { dims: [dim(1), dim(32, 320, 32)] };

t.test("the shapes of a model that is converted for one at a time", async (t) => {
  t.same(fixedShapes("m", {}), [{}], "an input that the model fixes itself needs no word");
  t.same(fixedShapes("m", { x: { allowed: open } }), [{ x: [1, 320] }], "the largest, unless the project says more");
  const fixed = [
    [1, 64],
    [1, 320],
  ];
  t.same(fixedShapes("m", { x: { allowed: open, fixed } }), [{ x: [1, 64] }, { x: [1, 320] }]);
  const mask = { allowed: { shapes: [[64], [320]] } };
  const one = { allowed: { dims: [dim(3)] } };
  const both = fixedShapes("m", { x: { allowed: open, fixed }, mask, one });
  t.same(
    both,
    [
      { x: [1, 64], mask: [64], one: [3] },
      { x: [1, 320], mask: [320], one: [3] },
    ],
    "the n-th ones go together",
  );
  t.same(together(both), {
    x: { shapes: fixed },
    mask: { shapes: [[64], [320]] },
    one: { shapes: [[3], [3]] },
  });
});

t.test("fixed shapes that cannot be are told with their place", async (t) => {
  t.throws(
    () =>
      checkFixed("m", {
        x: {
          allowed: open,
          fixed: [
            [1, 64],
            [1, 65],
          ],
        },
      }),
    {
      code: "ERR_EDGEIMG_MODEL_SHAPES",
      message: "Model m, input x: the fixed shape 1x65 is not among its dims.",
      key: ["models", "m", "inputs", "x", "fixed", 1],
    },
  );
  const two = { allowed: { shapes: [[1], [2]] } };
  const three = { allowed: { shapes: [[1], [2], [3]] } };
  t.throws(() => fixedShapes("m", { two, three }), {
    code: "ERR_EDGEIMG_MODEL_SHAPES",
    message: "Model m: two has 2 fixed shapes, another input 3; the n-th ones go together.",
  });
  const many = { allowed: { shapes: Array.from({ length: fixedLimit + 1 }, (_, index) => [index + 1]) } };
  t.throws(() => fixedShapes("m", { many }), {
    code: "ERR_EDGEIMG_MODEL_SHAPES",
    message: "Model m: many has 17 shapes, and the engine needs a model for each; 16 are the most.",
  });
});
