/** Code books: so many values for all of a layer's, chosen by k-means (Lloyd's iterations in one dimension, begun evenly, as in Deep Compression, arXiv 1510.00149). */

/** Iterations at most: they end when no value changes its word. */
const rounds = 60;
/** Codes of a byte, which words are rounded to. */
const largest = 127;

/** Words for values between -127 and 127, whole numbers in rising order; at most `count`, and 0 among them. */
export function codeBook(values: Float32Array, count: number): readonly number[] {
  const sorted = values.slice().sort();
  const distinct = [...new Set(sorted)];
  if (distinct.length <= count) return whole(distinct);
  const sums = new Float64Array(sorted.length + 1);
  for (let index = 0; index < sorted.length; index++) sums[index + 1] = (sums[index] ?? 0) + (sorted[index] ?? 0);
  const low = sorted[0] ?? 0;
  const high = sorted.at(-1) ?? 0;
  let words = Array.from({ length: count }, (_, index) => low + ((high - low) * index) / Math.max(1, count - 1));
  for (let round = 0; round < rounds; round++) {
    const borders = words.slice(1).map((word, index) => lowerBound(sorted, (word + (words[index] ?? 0)) / 2));
    const ends = [0, ...borders, sorted.length];
    // A word that no value is nearest to stays where it is.
    const next = words.map((word, index) => {
      const [from = 0, to = 0] = [ends[index], ends[index + 1]];
      return to > from ? ((sums[to] ?? 0) - (sums[from] ?? 0)) / (to - from) : word;
    });
    if (next.every((word, index) => word === words[index])) break;
    words = next;
  }
  return whole(words);
}

function whole(words: readonly number[]): readonly number[] {
  return withZero([...new Set(words.map((word) => Math.min(largest, Math.max(-largest, Math.round(word)))))]);
}

/** Zeros stay zeros: the word that is nearest to 0 becomes 0. */
function withZero(words: readonly number[]): readonly number[] {
  const nearest = words.reduce((best, word) => (Math.abs(word) < Math.abs(best) ? word : best), words[0] ?? 0);
  return [...new Set(words.map((word) => (word === nearest ? 0 : word)))].sort((a, b) => a - b);
}

/** The first place in a sorted list whose value is not below a border. */
function lowerBound(sorted: Float32Array, border: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < border) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The word that is nearest to a value; the larger of two that are as near. */
export function nearestWord(words: readonly number[], value: number): number {
  let low = 0;
  let high = words.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value < ((words[middle] ?? 0) + (words[middle + 1] ?? 0)) / 2) high = middle;
    else low = middle + 1;
  }
  return words[low] ?? 0;
}
