/** From a recogniser's table of probabilities to text: connectionist temporal classification, the best class at each step. */

/** A line read, and the mean probability of its characters (0 to 1; 0 for no text). */
export interface Decoded {
  readonly text: string;
  readonly score: number;
}

/**
 * Class 0 of the PP-OCR models is "nothing", the classes after it are the dictionary's lines, the last one is the space.
 * Lines end with LF or CRLF; the end of the last one is no entry of its own.
 */
export function parseDictionary(text: string): string[] {
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "];
}

/**
 * `table` holds `steps` rows of `classes.length` probabilities. The same class at following steps is one character,
 * class 0 parts two equal ones. Throws a RangeError when the table's size does not fit the dictionary.
 */
export function decodeCtc(table: ArrayLike<number>, steps: number, classes: readonly string[]): Decoded {
  if (table.length !== steps * classes.length) {
    throw new RangeError(`${table.length} values are not ${steps} steps of ${classes.length} classes`);
  }
  let text = "";
  let sum = 0;
  let count = 0;
  let last = 0;
  for (let step = 0; step < steps; step++) {
    const start = step * classes.length;
    const best = bestClass(table, start, classes.length);
    if (best !== 0 && best !== last) {
      text += classes[best] ?? "";
      sum += table[start + best] ?? 0;
      count++;
    }
    last = best;
  }
  return { text: text.trim(), score: count === 0 ? 0 : sum / count };
}

/** Probabilities of a row add up to 1, so a class above one half is the best, and the search ends there. */
function bestClass(table: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  let most = table[start] ?? 0;
  for (let i = 1; i < count && most <= 0.5; i++) {
    const value = table[start + i] ?? 0;
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}
