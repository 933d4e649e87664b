/** How right answers are: of an app with a model in floating point, and with the quantized one. */
import { accuracyMetrics } from "../config/quantize-schema.js";
import * as z from "../ground/zod.js";

/** What an app answered, by picture in the order of their names. */
export const answersFile = z.strictObject({
  answers: z.array(z.strictObject({ picture: z.string(), label: z.string(), answer: z.string() })).min(1),
});
export type Answers = z.infer<typeof answersFile>["answers"];

type Metric = (typeof accuracyMetrics)[number];

/** By metric: what one answer costs, and what the whole label is worth. */
const costs: Readonly<Record<Metric, (label: string, answer: string) => { cost: number; worth: number }>> = {
  exact: (label, answer) => ({ cost: Number(label !== answer), worth: 1 }),
  characters: (label, answer) => ({ cost: editDistance(label, answer), worth: [...label].length }),
};

const share = z.number().min(0).max(1);

export const accuracyFile = z.strictObject({
  metric: z.enum(accuracyMetrics),
  pictures: z.int().positive(),
  /** Of the app with the model in floating point, and with the quantized one: 1 is all right. */
  float: share,
  quantized: share,
  /** Pictures that are answered worse than before, the worst first; some of them. */
  worse: z.array(z.strictObject({ picture: z.string(), label: z.string(), float: z.string(), quantized: z.string() })),
});
export type AccuracyFile = z.infer<typeof accuracyFile>;

/** At most so many pictures that got worse are told. */
const most = 20;

/** Compares two lists of answers to the same pictures. Throws for lists of other pictures. */
export function accuracy(metric: Metric, of: { readonly float: Answers; readonly quantized: Answers }): AccuracyFile {
  const pairs = of.float.map((one, index) => {
    const other = of.quantized[index];
    if (other?.picture !== one.picture || other.label !== one.label)
      throw new Error(`${one.picture} is compared with ${other?.picture}`);
    const { picture, label, answer } = one;
    const before = costs[metric](label, answer).cost;
    return {
      picture,
      label,
      float: answer,
      quantized: other.answer,
      before,
      after: costs[metric](label, other.answer).cost,
    };
  });
  if (of.quantized.length !== pairs.length) throw new Error(`${of.quantized.length} answers for ${pairs.length}`);
  const worse = pairs.filter(({ before, after }) => after > before);
  worse.sort((a, b) => b.after - b.before - (a.after - a.before));
  return {
    metric,
    pictures: pairs.length,
    float: accuracyOf(metric, of.float),
    quantized: accuracyOf(metric, of.quantized),
    worse: worse.slice(0, most).map(({ before: _, after: __, ...told }) => told),
  };
}

/**
 * The part that is right, from 0 to 1. `characters` is 1 minus the character error rate, as it is usual for the recognition of text and speech: all edits
 * divided by all characters of the labels; more edits than characters are none right.
 */
export function accuracyOf(metric: Metric, answers: Answers): number {
  let [wrong, all] = [0, 0];
  for (const { label, answer } of answers) {
    const { cost, worth } = costs[metric](label, answer);
    wrong += cost;
    all += worth;
  }
  return all === 0 ? Number(wrong === 0) : Math.max(0, all - wrong) / all;
}

/** The fewest characters (code points) to change, leave out or put in (Levenshtein 1966). Time grows with the product of the lengths. */
export function editDistance(from: string, to: string): number {
  const target = [...to];
  let row = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (const [at, other] of target.entries())
      next.push(Math.min((row[at] ?? 0) + Number(letter !== other), (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    row = next;
  }
  return row.at(-1) ?? 0;
}
