/** What the model's classes stand for, in its order: by how much the page was turned clockwise, 0, 90, 180, 270 degrees. */
export const classes = ["upright", "turned right", "upside down", "turned left"] as const;

export interface Ranked {
  readonly text: string;
  /** Probability, 0 to 1. */
  readonly score: number;
}

/** Names with their probabilities, the most likely first. Throws a RangeError when there are not as many of both. */
export function rank(names: readonly string[], probabilities: ArrayLike<number>): Ranked[] {
  if (probabilities.length !== names.length)
    throw new RangeError(`${probabilities.length} probabilities are not of ${names.length} classes`);
  const ranked = names.map((text, index) => ({ text, score: round(probabilities[index] ?? 0) }));
  return ranked.sort((a, b) => b.score - a.score);
}

function round(score: number): number {
  return Math.round(score * 1000) / 1000;
}
