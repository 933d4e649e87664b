import t from "tap";
import { resolveInputs, resolveOutputs } from "../../src/model/inputs.js";
import type { OnnxPort } from "../../src/model/reference.js";

const open: OnnxPort = { name: "x", type: "f32", shape: [undefined, 3, undefined, undefined] };
const closed: OnnxPort = { name: "x", type: "f32", shape: [1, 3, 8, 8] };
const dims = [1, 3, 48, 192].map((size) => ({ min: size, max: size, step: 1 }));

t.test("fixed shapes need no declaration, open ones do", async (t) => {
  t.match(resolveInputs("m", [closed], {}), [
    { name: "x", type: "f32", allowed: { dims: [{ min: 1 }, { max: 3 }, { min: 8 }, { max: 8 }] } },
  ]);
  t.match(resolveInputs("m", [open], { x: { dims } }), [{ allowed: { dims } }]);
  t.throws(() => resolveInputs("m", [open], {}), {
    code: "ERR_EDGEIMG_MODEL_SHAPES",
    message: "Model m, input x [?, 3, ?, ?]: its shape is open",
    hint: "Declare it under models.m.inputs.x.dims.",
  });
});

t.test("declarations must fit the model", async (t) => {
  t.throws(() => resolveInputs("m", [closed], { x: { dims } }), {
    message: /dimension 2 is fixed in the model/,
    hint: "Declare 8 there.",
  });
  t.throws(() => resolveInputs("m", [open], { x: { shapes: [[1, 3, 8]] } }), { message: /3 dimensions are declared/ });
  t.throws(() => resolveInputs("m", [{ ...open, name: "image" }], { imgae: { dims } }), {
    message: "Model m has no input imgae",
    hint: "Did you mean image?",
  });
  t.throws(() => resolveInputs("m", [{ ...open, name: "image" }], { zzz: { dims } }), {
    message: "Model m has no input zzz",
    hint: "Its inputs are: image.",
  });
});

t.test("elements of a type that the runtime lacks are refused", async (t) => {
  t.throws(() => resolveOutputs("m", [{ ...closed, name: "y", type: "bool" }], new Set()), {
    code: "ERR_EDGEIMG_MODEL_TYPE",
    message: "Model m: y has elements of type bool, which the file does not tell itself.",
    hint: /a Cast to .* at y/,
  });
});

t.test(
  "an output's sizes are those that the model states; an open one may be 0, as when a detector finds nothing",
  async (t) => {
    const port: OnnxPort = { name: "y", type: "f32", shape: [undefined, 0, 6625] };
    const fixed = (size: number) => ({ min: size, max: size, step: 1 });
    const any = { min: 0, max: 2147483647, step: 1 };
    const dims = (shape: OnnxPort["shape"], scalars: readonly string[] = []) =>
      resolveOutputs("m", [{ ...port, shape }], new Set(scalars))[0]?.dims;
    t.same(dims(port.shape), [any, fixed(0), fixed(6625)]);
    t.same(dims([8]), [fixed(8)]);
    t.same(dims([], ["y"]), [], "a scalar");
    t.equal(dims([]), undefined, "a model that states no shape");
    t.equal(dims([], ["z"]), undefined);
  },
);
