import { randomFrom } from "../helpers/random.js";
import type { LogEntry } from "./write-log.js";

/** A card as a power cut may leave it. */
export interface Cut {
  /** `prefix 12`, `12 without the first`, `12 reordered 3`, `12 torn`: the number is that of log entries before the cut. */
  readonly name: string;
  readonly kind: "prefix" | "first-lost" | "reordered" | "torn";
  /** How many entries of the log came before the cut. */
  readonly at: number;
  /** Indices of the entries that reached the card, in order. */
  readonly kept: readonly number[];
  /** Of the last one kept, only so many bytes did. Undefined: all. */
  readonly lastBytes?: number;
}

/** A card writes sectors whole or not at all. Bytes. */
const sector = 512;
/** At least so many different cards with a random choice of what was not flushed. */
const reorderings = 40;
/** Where a few writes wait there are few choices: a seed is tried this often at each point. */
const mostSeeds = 64;

/**
 * Every cut of a recorded boot, none twice. Before the cut, what was flushed is on the card. Of the rest, which a card keeps in a cache
 * that it empties in any order, there is: all (`prefix`); all but the first; a random choice; all, but of the last only the first sectors.
 */
export function allCuts(entries: readonly LogEntry[]): Cut[] {
  const seen = new Set<string>();
  const fresh = (cut: Cut): Cut[] => {
    const key = `${cut.kept.join()}:${cut.lastBytes ?? "all"}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [cut];
  };
  const points = Array.from({ length: entries.length + 1 }, (_, at) => ({ at, ...stateAt(entries, at) }));
  const cuts = points.flatMap(({ at, safe, waiting }) => [
    ...fresh({ name: `prefix ${at}`, kind: "prefix", at, kept: sorted([...safe, ...waiting]) }),
    ...(waiting.length < 2
      ? []
      : fresh({
          name: `${at} without the first`,
          kind: "first-lost",
          at,
          kept: sorted([...safe, ...waiting.slice(1)]),
        })),
    ...torn(entries, { at, safe, waiting }).flatMap(fresh),
  ]);
  let count = 0;
  for (let seed = 1; seed <= mostSeeds && count < reorderings; seed++) {
    for (const { at, safe, waiting } of points) {
      if (waiting.length < 2) continue;
      const random = randomFrom(seed * 65_537 + at);
      const chosen = waiting.filter(() => random() < 0.5);
      const made = fresh({
        name: `${at} reordered ${seed}`,
        kind: "reordered",
        at,
        kept: sorted([...safe, ...chosen]),
      });
      count += made.length;
      cuts.push(...made);
    }
  }
  return cuts.sort((a, b) => a.at - b.at);
}

/** Indices of the writes before entry `at`: those that are on the card for certain, and those that may be. */
function stateAt(entries: readonly LogEntry[], at: number): { safe: number[]; waiting: number[] } {
  const flushed = entries.slice(0, at).findLastIndex(({ flush }) => flush);
  const safe: number[] = [];
  const waiting: number[] = [];
  for (const [index, { length, fua }] of entries.slice(0, at).entries()) {
    if (length > 0) (index < flushed || fua ? safe : waiting).push(index);
  }
  return { safe, waiting };
}

interface Point {
  readonly at: number;
  readonly safe: readonly number[];
  readonly waiting: readonly number[];
}

function torn(entries: readonly LogEntry[], { at, safe, waiting }: Point): Cut[] {
  const last = waiting.at(-1);
  const sectors = last === at - 1 ? (entries[last]?.length ?? 0) / sector : 0;
  if (sectors < 2) return [];
  const random = randomFrom(at);
  const lastBytes = sector * (1 + Math.floor(random() * (sectors - 1)));
  return [{ name: `${at} torn`, kind: "torn", at, kept: sorted([...safe, ...waiting]), lastBytes }];
}

function sorted(indices: readonly number[]): number[] {
  return [...indices].sort((a, b) => a - b);
}
