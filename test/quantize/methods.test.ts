import t from "tap";
import { quantizeCodes } from "../../src/config/quantize-schema.js";
import { aciq, gaussClip, laplaceClip, upperTail } from "../../src/quantize/aciq.js";
import { codeBook, nearestWord } from "../../src/quantize/code-book.js";
import { meanError } from "../../src/quantize/correct.js";
import { clippedMean } from "../../src/quantize/moments.js";
import { codeOf, powerOfTwo, scaleOf, valueOfCode } from "../../src/quantize/scales.js";
import { gather, newGathering, statisticsOf } from "../../src/quantize/statistics.js";
import { quantizedWeights, type WeightCodes, weightCodes, weightValues } from "../../src/quantize/weights.js";
import { randomFrom } from "../helpers/random.js";

/** Methods against formulas worked out by hand, and against figures that their papers print. */
const random = randomFrom(2);
const uniform = () => random() * 2 - 1;
/** Box and Muller's normal numbers. */
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const laplace = () => Math.sign(uniform()) * -Math.log(1 - random());
const statistics = (values: readonly number[]) => {
  const gathering = newGathering();
  gather(gathering, values);
  return statisticsOf(gathering);
};
const kinds = Object.keys(weightCodes) as WeightCodes[];

t.test("the schema has the codes that there are", async (t) => {
  t.same([...quantizeCodes], kinds);
});

t.test("weights of every kind of codes: 0 stays 0, order is kept, once more is the same", async (t) => {
  const wrong: string[] = [];
  for (const kind of kinds)
    for (const axis of [undefined, 0, 1])
      for (const powers of [false, true])
        for (const bits of [8, 7, 4]) {
          const called = `${kind}, axis ${axis}, powers ${powers}, ${bits} bits`;
          const shape = [6, 5, 4];
          const values = Float32Array.from({ length: 120 }, (_, index) => (index % 11 === 0 ? 0 : normal() * 0.1));
          const job = { values, shape, axis, kind, powers, bits };
          const made = quantizedWeights(job);
          const rounded = weightValues(made, job);
          if (values.some((value, index) => value === 0 && rounded[index] !== 0)) wrong.push(`${called}: 0`);
          for (let one = 0; one < 120; one++)
            for (let other = 0; other < 120; other++)
              if (
                axis === undefined &&
                (values[one] ?? 0) < (values[other] ?? 0) &&
                (rounded[one] ?? 0) > (rounded[other] ?? 0)
              )
                wrong.push(`${called}: order of ${one} and ${other}`);
          const again = weightValues(quantizedWeights({ ...job, values: rounded }), job);
          // A code book is chosen anew: its words are the same, up to float32.
          const most = kind === "asymmetric" || kind === "k-means" || kind === "symmetric" ? 1e-2 : 0;
          const reach = Math.max(...values.map(Math.abs));
          if (again.some((value, index) => Math.abs(value - (rounded[index] ?? 0)) > most * reach))
            wrong.push(`${called}: again`);
          const levels = new Set(made.codes).size;
          if (levels > (kind === "log" ? 15 : 2 ** bits)) wrong.push(`${called}: ${levels} codes`);
          const isPower = (scale: number) => Number.isInteger(Math.log2(scale));
          if ((powers || kind === "log") && ![...made.scales].every(isPower)) wrong.push(`${called}: scales`);
        }
  t.same(wrong, []);
});

t.test("asymmetric, by hand", async (t) => {
  const job = {
    values: Float32Array.of(-1, 0, 4.1, 0, 2, 5.1),
    shape: [2, 3],
    axis: 0,
    bits: 8,
    kind: "asymmetric" as const,
  };
  const { codes, scales, zeroPoints } = quantizedWeights(job);
  t.same([...scales], [Math.fround(5.1 / 255), Math.fround(5.1 / 255)]);
  t.same(zeroPoints, [50, 0], "1 / 0.02");
  t.same([...codes], [0, 50, 255, 0, 100, 255]);
  const whole = quantizedWeights({ ...job, values: Float32Array.from({ length: 6 }, () => 1 + random()) });
  const half = quantizedWeights({ ...job, kind: "symmetric", values: Float32Array.of(-1, 0, 4.1, 0, 2, 5.1) });
  t.ok(
    whole.zeroPoints.every((point) => point === 0) && half.sqnr < quantizedWeights(job).sqnr,
    "one-sided weights gain by it",
  );
});

t.test("log: the nearest power of two, as INQ has it: those from 3/4 of one to 3/2 of it", async (t) => {
  const values = Float32Array.of(1, 0.76, 0.74, 0.4, 0.37, 0.012, 0.011, 0.0077, -0.3, 0);
  const job = { values, shape: [10], axis: undefined, bits: 4, kind: "log" as const };
  const made = quantizedWeights(job);
  t.same([...made.scales], [1 / 64], "the largest power is 1: 3/4 of it is not above the largest weight, 3/4 of 2 is");
  t.same(
    [...weightValues(made, job)],
    [1, 1, 0.5, 0.5, 0.25, 1 / 64, 0, 0, -0.25, 0].map((value, index) => (index === 6 ? 1 / 64 : value)),
  );
  t.same([...quantizedWeights({ ...job, values: Float32Array.of(1.49) }).scales], [1 / 64]);
  t.same([...quantizedWeights({ ...job, values: Float32Array.of(1.51) }).scales], [2 / 64]);
  // Whatever the weight is, the next power is not nearer.
  const powers = Array.from({ length: 7 }, (_, index) => 2 ** -index);
  for (let run = 0; run < 300; run++) {
    const value = random();
    const [, rounded = 0] = weightValues(quantizedWeights({ ...job, values: Float32Array.of(1, value) }), {
      shape: [2],
      axis: undefined,
    });
    const best = Math.min(value, ...powers.map((power) => Math.abs(power - value)));
    if (Math.abs(rounded - value) > best + 1e-9) t.fail(`${value} becomes ${rounded}`);
  }
});

t.test("k-means: the best of all code books for small sets, found by trying each", async (t) => {
  t.same(codeBook(Float32Array.of(-100, -98, 0, 1, 50, 52), 3), [-99, 0, 51], "0 is a word");
  t.equal(nearestWord([-99, 0, 51], 25.5), 51);
  t.equal(nearestWord([-99, 0, 51], 25.4), 0);
  const error = (words: readonly number[], values: readonly number[]) =>
    values.reduce((sum, value) => sum + Math.min(...words.map((word) => (word - value) ** 2)), 0);
  let worst = 0;
  for (let run = 0; run < 20; run++) {
    const values = Array.from({ length: 12 }, () => Math.round(normal() * 30)).sort((a, b) => a - b);
    const found = codeBook(Float32Array.from(values), 4);
    // The best parting of sorted values into runs, each with its mean.
    const mean = (from: number, to: number) =>
      values.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
    let best = Number.POSITIVE_INFINITY;
    for (let a = 1; a < 10; a++)
      for (let b = a + 1; b < 11; b++)
        for (let c = b + 1; c < 12; c++)
          best = Math.min(best, error([mean(0, a), mean(a, b), mean(b, c), mean(c, 12)], values));
    worst = Math.max(worst, error(found, values) - 3 * best - 12 * 64);
  }
  t.ok(worst <= 0, "within three times the best, and what one word at 0 and whole numbers cost");
});

t.test("scales that are powers of two: Ristretto's integer length", async (t) => {
  // Ristretto: il = ceil(log2(max)) + 1 bits before the point with the sign, fl = 8 - il behind it, scale = 2^-fl; ours reaches the largest value in any case.
  for (let run = 0; run < 300; run++) {
    const largest = 2 ** (uniform() * 20);
    const { scales } = quantizedWeights({
      values: Float32Array.of(largest),
      shape: [1],
      axis: undefined,
      bits: 8,
      powers: true,
    });
    const theirs = 2 ** -(8 - (Math.ceil(Math.log2(largest)) + 1));
    const reaches = 127 * theirs >= Math.fround(largest);
    t.equal(scales[0], reaches ? theirs : 2 * theirs, `${largest}`);
    if (scales[0] !== (reaches ? theirs : 2 * theirs)) break;
  }
  for (const range of [
    { min: 0, max: 3 },
    { min: -1, max: 0.3 },
    { min: -1e-9, max: 1e9 },
  ]) {
    const scale = scaleOf(range, { powers: true });
    t.ok(Number.isInteger(Math.log2(scale.scale)) && 255 * scale.scale >= range.max - range.min, `${scale.scale}`);
    t.ok(Math.abs(valueOfCode(codeOf(range.max, scale), scale) - range.max) <= scale.scale, "the end has a code");
  }
  t.same([0, 1, 1.0000001, 0.75, 2 ** -40].map(powerOfTwo), [0, 1, 2, 1, 2 ** -40]);
});

t.test("ACIQ: the clips that the paper prints, and no other clip does better", async (t) => {
  const printed = { 2: 2.83, 3: 3.89, 4: 5.03 };
  for (const [bits, clip] of Object.entries(printed))
    t.ok(Math.abs(laplaceClip(Number(bits)) - clip) < 0.01, `${bits} bits: ${laplaceClip(Number(bits))}`);
  const gauss = { 2: 1.71, 3: 2.15, 4: 2.55, 8: 3.92 };
  for (const [bits, clip] of Object.entries(gauss))
    t.ok(Math.abs(gaussClip(Number(bits)) - clip) < 0.02, `${bits} bits: ${gaussClip(Number(bits))}`);
  t.ok(
    Math.abs(upperTail(1.96) - 0.0249979) < 1e-7 && Math.abs(upperTail(4) / 3.16712e-5 - 1) < 1e-5,
    "Gauss's tail, of tables",
  );
  for (const [name, draw, clip] of [
    ["laplace", laplace, laplaceClip(8)],
    ["gauss", normal, gaussClip(8)],
  ] as const) {
    const range = aciq(statistics(Array.from({ length: 60_000 }, draw)), 8);
    t.ok(Math.abs(range.max / clip - 1) < 0.03 || range.max < clip, `${name}: ${range.max} for ${clip}`);
    // Of values that Relu cut off: the half of them that is left, with codes of one bit more.
    const half = aciq(statistics(Array.from({ length: 60_000 }, () => Math.max(0, draw()))), 8);
    t.equal(half.min, 0);
    t.ok(half.max <= (name === "laplace" ? laplaceClip(9) : gaussClip(9)) * 1.03, `${half.max}`);
  }
});

t.test("means of what Relu and Clip leave of a normal distribution, against drawn values", async (t) => {
  for (const [mean, deviation, low, high] of [
    [0, 1, 0, Number.POSITIVE_INFINITY],
    [-2, 1.5, 0, Number.POSITIVE_INFINITY],
    [3, 4, 0, 6],
    [1, 0.5, Number.NEGATIVE_INFINITY, 0.75],
  ] as const) {
    const drawn = Array.from({ length: 100_000 }, () => Math.min(high, Math.max(low, mean + deviation * normal())));
    const average = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    t.ok(
      Math.abs(clippedMean(mean, deviation, { low, high }) - average) < 0.015 * deviation,
      `${mean}, ${deviation}, ${low}, ${high}`,
    );
  }
  t.equal(
    clippedMean(0, 1, { low: 0, high: Number.POSITIVE_INFINITY }),
    1 / Math.sqrt(2 * Math.PI),
    "Relu of a standard normal",
  );
  t.equal(clippedMean(-3, 0, { low: 0, high: 6 }), 0, "a channel that never changes");
});

t.test("bias correction takes back just the mean error of a product, of any groups", async (t) => {
  for (const groups of [1, 2]) {
    const shape = [4, 3, 2, 2];
    const values = Float32Array.from({ length: 48 }, normal);
    const job = { values, shape, axis: 0, bits: 4 };
    const rounded = weightValues(quantizedWeights(job), job);
    const means = Array.from({ length: 3 * groups }, normal);
    // Inputs that have these values everywhere, so that each output is one sum.
    const sum = (weights: Float32Array, output: number) => {
      const group = Math.floor(output / (4 / groups));
      return [...weights.subarray(output * 12, output * 12 + 12)].reduce(
        (all, weight, index) => all + weight * (means[group * 3 + Math.floor(index / 4)] ?? 0),
        0,
      );
    };
    const found = meanError({ op: "Conv", values, rounded, shape, axis: 0, groups, means });
    for (let output = 0; output < 4; output++)
      t.ok(
        Math.abs((found?.[output] ?? 9) - (sum(rounded, output) - sum(values, output))) < 1e-5,
        `${groups} groups, ${output}`,
      );
  }
  const gemm = meanError({
    ...{ op: "Gemm", values: Float32Array.of(1, 2, 3, 4, 5, 6), rounded: Float32Array.of(1, 2, 3, 4, 5, 7) },
    ...{ shape: [3, 2], axis: 1, groups: 1, means: [9, 9, 2] },
  });
  t.same([...(gemm ?? [])], [0, 2], "inputs by outputs");
  t.equal(
    meanError({
      op: "Conv",
      values: new Float32Array(4),
      rounded: new Float32Array(4),
      shape: [2, 2],
      axis: 0,
      groups: 1,
      means: [1],
    }),
    undefined,
  );
});
