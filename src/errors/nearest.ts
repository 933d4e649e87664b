/**
 * The candidate that a person most likely meant, or undefined when none is close: at most a third of the letters
 * (and at least one) may differ, a swap of neighbours counting once; or one name starts with the other.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = word.toLowerCase();
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    if (name === word || name.length > 64) continue;
    const candidate = name.toLowerCase();
    // Of equally distant names the one whose first other letter is nearer: rpi5 means rpi4 rather than rpi3.
    const measured = distance(wanted, candidate) + letterGap(wanted, candidate) / 2 ** 20;
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    const prefixed = wanted.length >= 3 && (candidate.startsWith(wanted) || wanted.startsWith(candidate));
    if ((Math.floor(measured) > limit || measured >= wanted.length) && !prefixed) continue;
    if (best === undefined || measured < best.distance) best = { name, distance: measured };
  }
  return best?.name;
}

/** How far apart the first differing letters are, below 2^16. */
function letterGap(a: string, b: string): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return Math.abs(a.charCodeAt(index) - b.charCodeAt(index));
  }
  return 0;
}

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** ` Did you mean "x"?`, or nothing. Made to be put after a sentence. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const name = nearest(word, candidates);
  return name === undefined ? "" : ` Did you mean "${name}"?`;
}
