import t from "tap";
import { compareOutputs, compareTensors, comparisonText } from "../../src/model/compare.js";

const tensor = (values: readonly number[], shape: readonly number[]) =>
  ({ name: "y", type: "f32", shape, data: new Uint8Array(Float32Array.from(values).buffer) }) as const;

t.test("finds the largest difference and where it is", async (t) => {
  const result = compareTensors(tensor([1, 2, 3, 4, 5, 6], [1, 2, 3]), tensor([1, 2, 3.5, 4, 4.25, 6], [1, 2, 3]));
  t.match(result, { maxAbsolute: 0.75, at: [0, 1, 1], reference: 5, actual: 4.25 });
  t.equal(result.maxRelative, 0.5 / 3);
  t.equal(comparisonText(result, 1e-3), "y: off by 7.5e-1, outside 0.001; 4.25 instead of 5 at [0, 1, 1]");
});

t.test("equal results differ by nothing, infinities and NaN included", async (t) => {
  const values = [1, Number.NaN, Number.POSITIVE_INFINITY, -0];
  t.equal(compareTensors(tensor(values, [4]), tensor(values, [4])).maxAbsolute, 0);
  t.equal(compareTensors(tensor([], [0]), tensor([], [0])).maxAbsolute, 0);
});

t.test("a value that is no number never passes", async (t) => {
  for (const [a, b] of [
    [1, Number.NaN],
    [Number.NaN, 1],
    [1, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)
    t.equal(compareTensors(tensor([a], [1]), tensor([b], [1])).maxAbsolute, Number.POSITIVE_INFINITY, `${a} ${b}`);
});

t.test("other shapes and types are told, not compared", async (t) => {
  const shape = compareTensors(tensor([1, 2], [1, 2]), tensor([1, 2], [2]));
  t.equal(shape.maxAbsolute, Number.POSITIVE_INFINITY);
  t.equal(comparisonText(shape, 1), "y: shape 2 instead of 1x2");
  const type = compareTensors(tensor([1], [1]), { ...tensor([1], [1]), type: "i32" });
  t.equal(comparisonText(type, 1), "y: type i32 instead of f32");
});

t.test("an output that is missing on one side throws, it is never compared with the other side itself", async (t) => {
  const one = tensor([1], [1]);
  const other = { ...tensor([2], [1]), name: "z" };
  t.strictSame(
    compareOutputs([one, other], [other, one]).map(({ name, maxAbsolute }) => [name, maxAbsolute]),
    [
      ["y", 0],
      ["z", 0],
    ],
    "by name, whatever the order",
  );
  t.throws(() => compareOutputs([one, other], [one]), /outputs y, z; compared would be y/);
  t.throws(() => compareOutputs([one], [one, other]), /outputs y; compared would be y, z/);
  t.throws(() => compareOutputs([one], [other]), /compared would be z/);
  t.throws(() => compareOutputs([one, other], [one, one]), /compared would be y, y/);
  t.throws(() => compareOutputs([], []), /outputs none/);
});
