import t from "tap";
import { quantizeMethods } from "../../src/config/quantize-schema.js";
import { rangeMethods } from "../../src/quantize/ranges.js";
import { codeOf, leastScale, roundEven, roundedUp, scaleOf, valueOfCode } from "../../src/quantize/scales.js";
import { binCount, gather, newGathering, statisticsOf } from "../../src/quantize/statistics.js";
import { quantizedBias, quantizedWeights } from "../../src/quantize/weights.js";
import { randomFrom } from "../helpers/random.js";

/** Numbers from a stated seed, between -1 and 1. */
const random = randomFrom(15);
const uniform = () => random() * 2 - 1;
/** Most values are near 0, few far away, as activations are. */
const heavy = () => Math.tan(uniform() * 1.5);

t.test("scales and zero points, by hand", async (t) => {
  t.same(scaleOf({ min: 0, max: 255 }), { scale: 1, zeroPoint: 0 }, "Relu");
  t.same(scaleOf({ min: -128, max: 127 }), { scale: 1, zeroPoint: 128 });
  t.same(scaleOf({ min: -255, max: -10 }), { scale: 1, zeroPoint: 255 }, "the range holds 0");
  t.same(scaleOf({ min: 3, max: 255 }), { scale: 1, zeroPoint: 0 }, "the range holds 0");
  t.same(scaleOf({ min: 0, max: 0 }), { scale: 1, zeroPoint: 0 }, "a dead tensor");
  t.same(
    scaleOf({ min: 51, max: 51 }),
    { scale: 0.2001953125, zeroPoint: 0 },
    "a constant: 51 / 255 in ten bits, upwards",
  );
  t.equal(scaleOf({ min: 0, max: 1e-300 }).scale, leastScale);
  t.same([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1.49].map(roundEven), [0, 2, 2, -0, -2, -2, 1]);
  t.equal(roundedUp(1023), 1023);
  t.equal(roundedUp(1024.5), 1026);
});

t.test("any range: 0 is exact, within half a step, monotone, and rounding twice is rounding once", async (t) => {
  const wrong: string[] = [];
  for (let run = 0; run < 500; run++) {
    const [a, b] = [heavy() * 10 ** (6 * uniform()), heavy() * 10 ** (6 * uniform())];
    const range = { min: Math.min(a, b), max: Math.max(a, b) };
    const scale = scaleOf(range);
    const round = (value: number) => valueOfCode(codeOf(value, scale), scale);
    const [low, high] = [Math.min(0, range.min), Math.max(0, range.max)];
    // Half a step, and what float32 adds.
    const most = scale.scale * 0.5000001 + Math.max(-low, high) * 2 ** -23;
    if (round(0) !== 0) wrong.push(`0 of ${JSON.stringify(range)}`);
    let last = Number.NEGATIVE_INFINITY;
    for (let step = 0; step <= 40; step++) {
      const value = low + ((high - low) * step) / 40;
      const rounded = round(value);
      if (Math.abs(rounded - value) > most) wrong.push(`${value} of ${JSON.stringify(range)} is ${rounded}`);
      if (round(rounded) !== rounded) wrong.push(`${value} of ${JSON.stringify(range)} twice`);
      if (rounded < last) wrong.push(`${value} of ${JSON.stringify(range)} falls`);
      last = rounded;
    }
  }
  t.same(wrong, []);
});

t.test("weights, by hand", async (t) => {
  const values = Float32Array.of(-127, 64, 0.5, 2, 0, -1, 0, 0, 0);
  const rows = quantizedWeights({ values, shape: [3, 3], axis: 0, bits: 8 });
  t.same([...rows.scales], [1, Math.fround(2 / 127), 1]);
  t.same([...rows.codes], [-127, 64, 0, 127, 0, -64, 0, 0, 0], "half to even: 0.5 is 0, 63.5 is 64");
  t.equal(rows.dead, 1);
  t.same(
    [...quantizedWeights({ values, shape: [3, 3], axis: 1, bits: 8 }).scales],
    [1, Math.fround(64 / 127), Math.fround(1 / 127)],
  );
  t.same([...quantizedWeights({ values, shape: [3, 3], axis: undefined, bits: 7 }).scales], [Math.fround(127 / 63)]);
  t.equal(quantizedWeights({ values: Float32Array.of(1, -1), shape: [2], axis: undefined, bits: 8 }).sqnr > 100, true);
});

t.test("a bias fits its 32 bits, however small the weights beside it are", async (t) => {
  const bias = Float32Array.of(1000, -3, 0.25);
  const job = { values: Float32Array.of(1e-12, 0, 0.5), shape: [3, 1], axis: 0, bits: 8 };
  const { scales, codes } = quantizedWeights({ ...job, bias: { values: bias, scale: 0.01 } });
  const sums = [...scales].map((one) => one * 0.01);
  const whole = quantizedBias(bias, sums);
  t.same([...codes], [0, 0, 127], "weights that a bias makes vanish are 0");
  for (const [index, code] of whole.entries()) {
    t.ok(Math.abs(code) < 2 ** 31 - 1, `${code}`);
    t.ok(Math.abs(code * (sums[index] ?? 0) - (bias[index] ?? 0)) <= (sums[index] ?? 0) / 2 + 1e-5, `${bias[index]}`);
  }
});

t.test("weights of any size: within half a step, and once more the same", async (t) => {
  for (const axis of [undefined, 0, 1]) {
    const shape = [7, 5, 3];
    const values = Float32Array.from({ length: 105 }, heavy);
    const { codes, scales } = quantizedWeights({ values, shape, axis, bits: 8 });
    const scaleAt = (index: number) =>
      scales[axis === undefined ? 0 : axis === 0 ? Math.floor(index / 15) : Math.floor(index / 3) % 5] ?? Number.NaN;
    const rounded = Float32Array.from(codes, (code, index) => code * scaleAt(index));
    t.ok(
      values.every((value, index) => Math.abs(value - (rounded[index] ?? 0)) <= scaleAt(index) * 0.500001),
      `within half a step, axis ${axis}`,
    );
    t.same(quantizedWeights({ values: rounded, shape, axis, bits: 8 }).codes, codes, `again, axis ${axis}`);
  }
});

/** The statistics of values in one go. */
function statistics(...inputs: readonly (readonly number[])[]) {
  const gathering = newGathering();
  for (const values of inputs) gather(gathering, values);
  return statisticsOf(gathering);
}

t.test("statistics do not depend on the order of inputs, but for the moving average", async (t) => {
  const inputs = [Array.from({ length: 500 }, heavy), [0, 0, 0], [1e6, -3], Array.from({ length: 50 }, uniform)];
  const { average: _, ...one } = statistics(...inputs);
  const { average: __, ...other } = statistics(...[...inputs].reverse());
  t.same(one, other);
  t.equal(
    one.bins.reduce((sum, count) => sum + count, 0),
    555,
    "every value is in a bin",
  );
  t.ok(one.bins.length <= binCount);
  const { average } = statistics([1, 2], [3, 4], [0, 5]);
  t.ok(Math.abs(average.min - 1.08) < 1e-12, "0.9 (0.9 * 1 + 0.1 * 3) + 0.1 * 0");
  t.ok(Math.abs(average.max - 2.48) < 1e-12, "0.9 (0.9 * 2 + 0.1 * 4) + 0.1 * 5");
  const bad = newGathering();
  t.equal(gather(bad, [1, Number.NaN, 3]), 1, "a value that is not finite is told");
  t.equal(bad.count, 0, "and nothing is added");
});

t.test("every method of the table gives a range within that of the values", async (t) => {
  t.same(Object.keys(rangeMethods), [...quantizeMethods], "the schema has the same methods");
  const kinds = {
    heavy: statistics(Array.from({ length: 4000 }, heavy)),
    relu: statistics(Array.from({ length: 4000 }, () => Math.max(0, heavy()))),
    uniform: statistics(Array.from({ length: 4000 }, uniform)),
    constant: statistics([4, 4, 4]),
    dead: statistics([0, 0]),
    tiny: statistics([1e-40, 0]),
  };
  for (const [name, method] of Object.entries(rangeMethods))
    for (const [kind, found] of Object.entries(kinds)) {
      const { min, max } = method(found);
      t.ok(
        min <= max && min >= Math.min(0, found.min) && max <= Math.max(0, found.max),
        `${name} of ${kind}: ${min} to ${max}`,
      );
      t.ok(Number.isFinite(scaleOf({ min, max }).scale), `${name} of ${kind}`);
    }
});

t.test("percentile: the ten thousandth of values that is furthest away is left outside", async (t) => {
  const values = Array.from({ length: 100_000 }, (_, index) => index / 100_000);
  const { min, max } = rangeMethods.percentile(statistics([...values, 50, 60, 70]));
  t.ok(max > 0.999 && max < 1.02, `${max}`);
  t.ok(min >= 0 && min < 0.02, `${min}`);
});

t.test("mse: never worse than the whole range, and near the best of a search by hand", async (t) => {
  // Laplace's distribution, for which clipping at 8 bits is known to pay (arXiv 1810.05723).
  const values = Array.from({ length: 20_000 }, () => Math.sign(uniform()) * -Math.log(1 - random()));
  const error = (range: { readonly min: number; readonly max: number }) => {
    const scale = scaleOf(range);
    return (
      values.reduce((sum, value) => sum + (valueOfCode(codeOf(value, scale), scale) - value) ** 2, 0) / values.length
    );
  };
  const found = statistics(values);
  const chosen = error(rangeMethods.mse(found));
  const tried = Array.from({ length: 80 }, (_, step) =>
    error({ min: found.min * (1 - step / 100), max: found.max * (1 - step / 100) }),
  );
  t.ok(chosen <= error(found), `${chosen} against ${error(found)} of the whole range`);
  t.ok(chosen <= Math.min(...tried) * 1.1, `${chosen} against ${Math.min(...tried)} of the best`);
});
