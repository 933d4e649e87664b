import t from "tap";
import { findRuns, type RunSearch } from "../../src/model/check-runs.js";
import type { SidecarInput } from "../../src/model/sidecar.js";
import { numbers, type Tensor } from "../../src/model/tensor.js";

const fixed = (...sizes: number[]) => ({ dims: sizes.map((size) => ({ min: size, max: size, step: 1 })) });
const ids: SidecarInput = { name: "ids", type: "i64", allowed: fixed(1, 64) };
const x: SidecarInput = { name: "x", type: "f32", allowed: fixed(1, 64) };

/** Answers as a model does that takes no value outside of `least` and `most`: the sum of the first input, or the complaint. */
function search(
  inputs: readonly SidecarInput[],
  [least, most]: readonly [number, number],
  more: Partial<RunSearch> = {},
) {
  const tried: (readonly Tensor[])[] = [];
  const values = (tensor: Tensor) => Array.from(numbers(tensor));
  const run: RunSearch["run"] = async (given) => {
    tried.push(given);
    if (given.some((one) => values(one).some((value) => value < least || value > most)))
      return { error: "indices element out of data bounds, idx=9" };
    const sum = (given[0] === undefined ? [] : values(given[0])).reduce((a, b) => a + b, 0);
    return { outputs: [{ name: "y", type: "f32", shape: [1], data: new Uint8Array(Float32Array.of(sum).buffer) }] };
  };
  const facts = { symbols: new Map(), rows: new Map() };
  const found = findRuns({
    model: "m",
    inputs,
    facts,
    together: false,
    ranges: {},
    values: {},
    given: [],
    run,
    ...more,
  });
  return {
    found,
    tried,
    extent: (one: Tensor | undefined) =>
      one === undefined ? [] : [Math.min(...values(one)), Math.max(...values(one))],
  };
}

t.test("whole numbers are tried from wide to narrow until the model takes them", async (t) => {
  for (const [limits, runs, extent] of [
    [[0, 9], 1, [0, 9]],
    [[0, 1], 2, [0, 1]],
    [[1, 1], 3, [1, 1]],
    [[0, 0], 4, [0, 0]],
  ] as const) {
    const { found, tried, extent: of } = search([ids], limits);
    t.same(of((await found)[0]?.inputs[0]), extent, limits.join());
    t.equal(tried.length, runs, limits.join());
  }
});

t.test("values that no guess meets are an error of values, not of shapes, which says how to tell them", async (t) => {
  const { found } = search([ids], [20, 30]);
  await t.rejects(found, {
    code: "ERR_EDGEIMG_MODEL_INPUTS",
    hint: /`range: \[0, 1\]` under models\.m\.inputs\.ids\.test/,
  });
});

t.test("the project's range is used, and nothing else is tried", async (t) => {
  const { found, tried, extent } = search([ids], [20, 30], { ranges: { ids: { min: 20, max: 30 } } });
  t.same(extent((await found)[0]?.inputs[0]), [20, 30]);
  t.equal(tried.length, 1);
  const wrong = search([ids], [20, 30], { ranges: { ids: { min: 0, max: 3 } } });
  await t.rejects(wrong.found, { code: "ERR_EDGEIMG_MODEL_INPUTS" });
  t.equal(wrong.tried.length, 1);
});

t.test("indexes stay within the model's table", async (t) => {
  const { found, extent } = search([ids], [0, 2], { facts: { symbols: new Map(), rows: new Map([["ids", 3]]) } });
  t.same(extent((await found)[0]?.inputs[0]), [0, 2]);
});

t.test("floats are also tried over a wide range, unless the model refuses it or the project says which", async (t) => {
  const wide = search([x], [-100, 100]);
  const [first, second] = await wide.found;
  t.ok(wide.extent(first?.inputs[0]).every((value) => Math.abs(value) <= 1));
  t.ok(wide.extent(second?.inputs[0]).every((value) => Math.abs(value) > 4 && Math.abs(value) <= 6));
  t.equal((await search([x], [-1, 1]).found).length, 1);
  t.equal((await search([x], [-100, 100], { ranges: { x: { min: 0, max: 1 } } }).found).length, 1);
});

t.test(
  "a declared shape that the model refuses is told, also where the project gives an input in another",
  async (t) => {
    const open: SidecarInput = {
      name: "x",
      type: "f32",
      allowed: { dims: [...fixed(1).dims, { min: 1, max: 8, step: 1 }] },
    };
    const given: Tensor = { name: "x", type: "f32", shape: [1, 3], data: new Uint8Array(12) };
    const refusing = (error: string) =>
      search([open], [-100, 100], {
        given: [given],
        run: async ([one]) =>
          one?.shape[1] === 3
            ? { outputs: [{ name: "y", type: "f32", shape: [1], data: new Uint8Array(4) }] }
            : { error },
      }).found;
    await t.rejects(refusing("Got invalid dimensions for input: x"), { code: "ERR_EDGEIMG_MODEL_SHAPES" });
    t.equal((await refusing("indices element out of data bounds, idx=9")).length, 1, "made values prove nothing");
  },
);
