import t from "tap";
import type { CheckMetric } from "../../src/catalog/check.js";
import { compareTensors as compare, compareOutputs, comparisonText, passes } from "../../src/model/compare.js";

const agreement = { metric: "agreement", tolerance: 1e-3 } as const;
const compareTensors = (reference: Parameters<typeof compare>[0], actual: Parameters<typeof compare>[1]) =>
  compare(reference, actual, agreement);

const tensor = (values: readonly number[], shape: readonly number[]) =>
  ({ name: "y", type: "f32", shape, data: new Uint8Array(Float32Array.from(values).buffer) }) as const;

t.test("finds the largest difference and where it is", async (t) => {
  const result = compareTensors(tensor([1, 2, 3, 4, 5, 6], [1, 2, 3]), tensor([1, 2, 3.5, 4, 4.25, 6], [1, 2, 3]));
  t.match(result, { maxAbsolute: 0.75, at: [0, 1, 1], reference: 5, actual: 4.25 });
  t.equal(comparisonText(result).replace(/: [^:]*$/, ""), "y: off by 7.5e-1, 4.25 instead of 5 at [0, 1, 1]");
});

t.test("equal results differ by nothing, infinities and NaN included", async (t) => {
  const values = [1, Number.NaN, Number.POSITIVE_INFINITY, -0];
  t.equal(compareTensors(tensor(values, [4]), tensor(values, [4])).maxAbsolute, 0);
  t.equal(compareTensors(tensor([], [0]), tensor([], [0])).maxAbsolute, 0);
});

t.test("two empty results are equal when their shapes are", async (t) => {
  const empty = (...shape: number[]) => tensor([], shape);
  for (const shape of [[0], [0, 3], [1, 0, 4], [1, 4, 0], [0, 0]]) {
    const result = compareTensors(empty(...shape), empty(...shape));
    t.ok(passes(result), shape.join());
    t.equal(comparisonText(result), "y: empty on both sides");
  }
  for (const [a, b] of [
    [
      [0, 3],
      [0, 4],
    ],
    [[0], [0, 1]],
    [
      [1, 0],
      [0, 1],
    ],
  ] as const)
    t.notOk(passes(compareTensors(empty(...a), empty(...b))), `${a} ${b}`);
  t.notOk(passes(compareTensors(empty(0, 3), tensor([1, 2, 3], [1, 3]))), "something where nothing was found");
  t.notOk(passes(compareTensors(tensor([1, 2, 3], [1, 3]), empty(0, 3))), "nothing where something was found");
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
  t.equal(comparisonText(shape), "y: shape 2 instead of 1x2");
  const type = compareTensors(tensor([1], [1]), { ...tensor([1], [1]), type: "i32" });
  t.equal(comparisonText(type), "y: type i32 instead of f32");
});

t.test("an output that is missing on one side throws, it is never compared with the other side itself", async (t) => {
  const one = tensor([1], [1]);
  const other = { ...tensor([2], [1]), name: "z" };
  t.strictSame(
    compareOutputs([one, other], [other, one], () => agreement).map(({ name, maxAbsolute }) => [name, maxAbsolute]),
    [
      ["y", 0],
      ["z", 0],
    ],
    "by name, whatever the order",
  );
  t.throws(() => compareOutputs([one, other], [one], () => agreement), /outputs y, z; compared would be y/);
  t.throws(() => compareOutputs([one], [one, other], () => agreement), /outputs y; compared would be y, z/);
  t.throws(() => compareOutputs([one], [other], () => agreement), /compared would be z/);
  t.throws(() => compareOutputs([one, other], [one, one], () => agreement), /compared would be y, y/);
  t.throws(() => compareOutputs([], [], () => agreement), /outputs none/);
});

t.test("a wrong result never passes because it is small, or stands beside large ones", async (t) => {
  const many = (count: number, value: (index: number) => number) =>
    Array.from({ length: count }, (_, index) => value(index));
  const wave = (index: number) => Math.sin(index * 1.7) + 0.01;
  const wrong = (index: number) => Math.sin(index * 1.7 + 0.8) + 0.01;
  const rows = (first: (index: number) => number, second: (index: number) => number) => [
    ...many(64, first),
    ...many(64, second),
  ];
  const boxes = (index: number) => 640 * Math.abs(wave(index));
  const cases: readonly (readonly [string, readonly number[], readonly number[], readonly number[]])[] = [
    ["scaled by a thousandth", [1, 64], many(64, (i) => wave(i) * 1e-3), many(64, (i) => wrong(i) * 1e-3)],
    ["scaled by a millionth", [1, 64], many(64, (i) => wave(i) * 1e-6), many(64, (i) => wrong(i) * 1e-6)],
    ["zeros instead of small values", [64], many(64, (i) => wave(i) * 5e-4), many(64, () => 0)],
    ["a softmax that is flat", [1, 1000], many(1000, (i) => (i % 7) / 3000), many(1000, () => 1e-3)],
    [
      "scores beside boxes",
      [2, 64],
      rows(boxes, (i) => Math.abs(wave(i)) / 10),
      rows(boxes, (i) => Math.abs(wrong(i)) / 10),
    ],
    ["small scores beside boxes", [1, 2, 64], rows(boxes, (i) => Math.abs(wave(i)) / 200), rows(boxes, () => 0)],
    ["half a percent off, all over", [64], many(64, wave), many(64, (i) => wave(i) * 1.005)],
  ];
  for (const [summary, shape, expected, actual] of cases) {
    const result = compareTensors(tensor(expected, shape), tensor(actual, shape));
    t.notOk(passes(result), summary);
    t.match(comparisonText(result), /(of 1 or of the value itself|largest value|RMS)/, summary);
  }
});

t.test("rounding passes, whatever the size", async (t) => {
  for (const scale of [1e-6, 1e-3, 1, 640, 1e5]) {
    const expected = Array.from({ length: 512 }, (_, index) => Math.sin(index) * scale);
    const actual = expected.map((value, index) => value + Math.cos(index * 3) * scale * 1e-6);
    t.ok(passes(compareTensors(tensor(expected, [2, 256]), tensor(actual, [2, 256]))), String(scale));
  }
});

t.test("a tolerance below rounding is what it says", async (t) => {
  const holds = (tolerance: number) =>
    passes(compare(tensor([0.5], [1]), tensor([0.50000006], [1]), { metric: "agreement", tolerance }));
  t.ok(holds(1e-3));
  t.ok(holds(1e-5));
  t.notOk(holds(1e-12));
});

t.test("metrics: the largest difference, the angle, the place of the largest value", async (t) => {
  const judged = (
    metric: CheckMetric,
    tolerance: number,
    a: readonly number[],
    b: readonly number[],
    shape: number[],
  ) => passes(compare(tensor(a, shape), tensor(b, shape), { metric, tolerance }));
  t.ok(judged("max-abs", 0.1, [100, 1], [100.05, 1], [2]));
  t.notOk(judged("max-abs", 0.1, [1e6, 1], [1e6 + 1, 1], [2]), "however large the value is");
  t.ok(judged("cosine", 1e-6, [1, 2, 3], [2, 4, 6], [3]), "another length");
  t.notOk(judged("cosine", 0.1, [1, 0], [0, 1], [2]), "a right angle");
  t.notOk(judged("cosine", 0.1, [0, 0], [0, 1], [2]), "nothing, and something");
  t.ok(judged("cosine", 0.1, [0, 0], [0, 0], [2]));
  t.notOk(judged("cosine", 0.1, [1, Number.NaN], [1, 0], [2]));
  t.ok(judged("cosine", 0.1, [1, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY], [2]));
  t.ok(judged("top-1", 0, [1, 5, 2, 9, 1, 1], [2, 3, 1, 4, 0, 3], [2, 3]));
  t.notOk(judged("top-1", 0.4, [1, 5, 2, 9, 1, 1], [2, 3, 1, 1, 9, 3], [2, 3]), "one row of two");
  t.ok(judged("top-1", 0.5, [1, 5, 2, 9, 1, 1], [2, 3, 1, 1, 9, 3], [2, 3]), "as many as are allowed");
  t.ok(judged("top-1", 0, [5, 5, 2], [1, 3, 2], [1, 3]), "either of two equal largest values");
  t.notOk(judged("top-1", 0, [5, 4, 2], [9, Number.NaN, 2], [1, 3]), "not a number");
  t.notOk(passes(compare(tensor([1, 2], [2]), tensor([1, 2], [1, 2]), { metric: "cosine", tolerance: 1 })), "a shape");
  t.match(
    comparisonText(compare(tensor([1, 5], [1, 2]), tensor([5, 1], [1, 2]), { metric: "top-1", tolerance: 0 })),
    /1\.0e\+0 of the rows with another top value, allowed 0/,
  );
});
