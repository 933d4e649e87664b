import type { ConsoleLine } from "./console.js";

/** Some keys and values of a line's JSON object. */
export type LinePattern = Readonly<Record<string, unknown>>;

/** A place where a value is not what the pattern says: `text[0]`. */
export interface Difference {
  readonly path: string;
  readonly expected: unknown;
  /** Undefined: the key is missing. */
  readonly found: unknown;
}

/**
 * Where a value differs from a pattern. A mapping matches a mapping that has at least its keys; lists match item by item and in
 * length; everything else must be equal.
 */
export function differences(pattern: unknown, value: unknown, path = ""): Difference[] {
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return [{ path, expected: pattern, found: value }];
    return pattern.flatMap((item, index) => differences(item, value[index], `${path}[${index}]`));
  }
  if (isRecord(pattern)) {
    if (!isRecord(value)) return [{ path, expected: pattern, found: value }];
    return Object.entries(pattern).flatMap(([key, item]) =>
      differences(item, value[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return Object.is(pattern, value) ? [] : [{ path, expected: pattern, found: value }];
}

export interface CheckOptions {
  /** Must the lines come in the order of the patterns? */
  readonly ordered: boolean;
}

export type LineCheck =
  | { readonly pattern: LinePattern; readonly line: ConsoleLine }
  /** `nearest`: the unused line that differs least, with its differences. */
  | { readonly pattern: LinePattern; readonly line: undefined; readonly nearest: Nearest | undefined };

export interface Nearest {
  readonly line: ConsoleLine;
  readonly differences: readonly Difference[];
}

export interface LinesReport {
  readonly passed: boolean;
  /** One for each pattern, in their order. */
  readonly checks: readonly LineCheck[];
}

/** Compares what the console said with what is expected. Each line serves one pattern; further lines are ignored. */
export function checkLines(
  lines: readonly ConsoleLine[],
  patterns: readonly LinePattern[],
  { ordered }: CheckOptions,
): LinesReport {
  const candidates = lines.filter((line) => line.milestone !== undefined);
  const found = ordered ? matchOrdered(candidates, patterns) : matchAny(candidates, patterns);
  const used = new Set(found);
  const unused = candidates.filter((line) => !used.has(line));
  const checks = patterns.map((pattern, index): LineCheck => {
    const line = found[index];
    return line === undefined ? { pattern, line, nearest: nearest(unused, pattern) } : { pattern, line };
  });
  return { passed: checks.every((check) => check.line !== undefined), checks };
}

function matches(line: ConsoleLine, pattern: LinePattern): boolean {
  return differences(pattern, line.milestone?.fields).length === 0;
}

/** The earliest line for each pattern, after the line of the pattern before. */
function matchOrdered(lines: readonly ConsoleLine[], patterns: readonly LinePattern[]): (ConsoleLine | undefined)[] {
  let from = 0;
  return patterns.map((pattern) => {
    const at = lines.findIndex((line, index) => index >= from && matches(line, pattern));
    if (at < 0) return undefined;
    from = at + 1;
    return lines[at];
  });
}

/**
 * A largest assignment of lines to patterns (augmenting paths): a pattern that many lines match must not take the only line of a
 * stricter one.
 */
function matchAny(lines: readonly ConsoleLine[], patterns: readonly LinePattern[]): (ConsoleLine | undefined)[] {
  const options = patterns.map((pattern) => lines.filter((line) => matches(line, pattern)));
  const owner = new Map<ConsoleLine, number>();
  const place = (pattern: number, tried: Set<ConsoleLine>): boolean => {
    const choice = options[pattern] ?? [];
    const free = choice.find((line) => !owner.has(line));
    if (free !== undefined) {
      owner.set(free, pattern);
      return true;
    }
    for (const line of choice) {
      if (tried.has(line)) continue;
      tried.add(line);
      const before = owner.get(line);
      if (before !== undefined && place(before, tried)) {
        owner.set(line, pattern);
        return true;
      }
    }
    return false;
  };
  for (const index of patterns.keys()) place(index, new Set());
  const found: (ConsoleLine | undefined)[] = patterns.map(() => undefined);
  for (const [line, index] of owner) found[index] = line;
  return found;
}

function nearest(lines: readonly ConsoleLine[], pattern: LinePattern): Nearest | undefined {
  let best: Nearest | undefined;
  for (const line of lines) {
    const found = differences(pattern, line.milestone?.fields);
    // A line of another kind is no near miss, however few keys the pattern has.
    if (found.some(({ path }) => path === "edgeimg")) continue;
    if (best === undefined || found.length < best.differences.length) best = { line, differences: found };
  }
  return best;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
