import t from "tap";
import { allCuts } from "./cuts.js";
import type { LogEntry } from "./write-log.js";

const write = (sectors: number, over: Partial<LogEntry> = {}): LogEntry => ({
  offset: 0,
  length: sectors * 512,
  dataAt: 0,
  flush: false,
  fua: false,
  ...over,
});
const flush = write(0, { flush: true });
/** Two writes, a flush, a forced write and eight more. */
const entries = [
  write(1),
  write(3),
  flush,
  write(1),
  write(1, { fua: true }),
  ...Array.from({ length: 8 }, () => write(2)),
];
const cuts = allCuts(entries);

t.test("each number of entries before the cut is one, unless it leaves the same card as another", async (t) => {
  const prefixes = cuts.filter(({ kind }) => kind === "prefix");
  t.same(
    prefixes.map(({ at }) => at),
    [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    "a flush alone changes nothing",
  );
  t.same(prefixes.at(-1)?.kept, [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

t.test("what was flushed or forced is on every card of a later cut", async (t) => {
  for (const { at, kept, name } of cuts) {
    if (at > 2) t.ok(kept.includes(0) && kept.includes(1), name);
    if (at > 4) t.ok(kept.includes(4), name);
    t.ok(
      kept.every((index) => index < at && entries[index] !== flush),
      name,
    );
    t.same(
      kept,
      [...kept].sort((a, b) => a - b),
      "in the order in which they were written",
    );
  }
});

t.test("the first write that was not flushed may be lost alone", async (t) => {
  t.same(cuts.find(({ name }) => name === "2 without the first")?.kept, [1]);
  t.same(cuts.find(({ name }) => name === "7 without the first")?.kept, [0, 1, 4, 5, 6]);
});

t.test("the last write may end after some of its sectors", async (t) => {
  const torn = cuts.filter(({ kind }) => kind === "torn");
  t.same(
    torn.map(({ at }) => at),
    [2, 6, 7, 8, 9, 10, 11, 12, 13],
  );
  t.ok(torn.every(({ lastBytes = 0 }) => lastBytes % 512 === 0 && lastBytes > 0));
  t.ok((torn[0]?.lastBytes ?? 0) < 3 * 512);
});

t.test("at least forty random choices, all different, the same each time", async (t) => {
  t.ok(cuts.filter(({ kind }) => kind === "reordered").length >= 40);
  t.equal(new Set(cuts.map(({ kept, lastBytes }) => `${kept} ${lastBytes}`)).size, cuts.length);
  t.same(allCuts(entries), cuts);
});

t.test("few writes have few choices: it ends all the same", async (t) => {
  t.same(
    allCuts([write(1), write(1)]).map(({ kept }) => kept),
    [[], [0], [0, 1], [1]],
  );
  t.same(allCuts([]), [{ name: "prefix 0", kind: "prefix", at: 0, kept: [] }]);
});
