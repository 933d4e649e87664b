/** What becomes of a node test. */
export const outcomes = {
  before: "refused before the conversion",
  converter: "refused by the converter",
  engine: "refused by the engine",
  check: "refused by the check",
  passed: "passed",
  wrong: "wrong",
} as const;
export type Outcome = keyof typeof outcomes;

export interface Verdict {
  readonly name: string;
  /** What the test is about. */
  readonly operator: string;
  readonly outcome: Outcome;
  /** An error's code without what all have in common, or how an output differs. */
  readonly why: string;
  /** What the error says: shown, and not kept. */
  readonly says?: string;
}

/** A list of verdicts as text, one a line: name, operator, outcome, and why. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ name, operator, outcome, why }) => `${[name, operator, outcome, ...(why === "" ? [] : [why])].join(" ")}\n`)
    .join("");
}

export function parseVerdicts(text: string): Verdict[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", operator = "", word = "", why = ""] = /^(\S+) (\S+) (\S+)(?: (.*))?$/.exec(line) ?? [];
    if (name === "") return [];
    if (!isOutcome(word)) throw new Error(`no outcome: ${line}`);
    return [{ name, operator, outcome: word, why }];
  });
}

function isOutcome(word: string): word is Outcome {
  return word in outcomes;
}
