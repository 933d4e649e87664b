import { open, rm } from "node:fs/promises";
import t from "tap";
import { readPartitions } from "../../src/formats/partitions.js";
import { readAt } from "../../src/ground/read-at.js";
import { allCuts, type Cut } from "../rehearsal/cuts.js";
import { rehearse } from "../rehearsal/judge.js";
import { record } from "../rehearsal/records.js";
import { scratchFolder } from "./lab.js";

/**
 * A sample of the power-cut rehearsal (`node test/rehearse.mjs` is the whole): one first boot of a card with settings is recorded, and cards
 * as a cut may leave them are booted. Without the mark of a finished file system, the cuts at 10 and 12 left `/data` volatile for good.
 */
const folder = await scratchFolder("power-cut");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const { signal } = new AbortController();
const recording = await record({ name: "settings", folder, signal });
const cuts = allCuts(recording.entries);
const boot = await bootPartition();

t.test("the boot was recorded: its file system and its settings", async (t) => {
  const bytes = recording.entries.reduce((sum, { length }) => sum + length, 0);
  t.ok(bytes > 2 ** 20, `${bytes} bytes in ${recording.entries.length} entries`);
  t.ok(cuts.filter(({ kind }) => kind === "reordered").length >= 40, `${cuts.length} cuts`);
});

/** Entries that wrote to the boot partition: the settings' file is cleared and removed there. */
const removal = recording.entries.flatMap(({ offset, length }, index) =>
  length > 0 && offset >= boot.offset && offset < boot.offset + boot.size ? [index] : [],
);
const [begun = Number.NaN, ended = Number.NaN] = [removal.at(0), removal.at(-1)];

t.test("settings are on the data partition before their file is touched", async (t) => {
  t.ok(begun > 12 && ended - begun >= 3, `entries ${begun} to ${ended} of ${recording.entries.length}`);
});

const within = ({ at }: Cut) => at > begun && at <= ended + 1;
const sample = [
  prefix(10),
  prefix(12),
  one("torn", ({ at }) => at >= 10 && at <= 12),
  one("reordered", ({ at }) => at >= 10 && at <= 12),
  prefix(begun),
  one("reordered", within),
  one("first-lost", within),
  prefix(ended + 1),
];
for (const cut of sample) {
  t.test(`power is cut: ${cut.name}`, async (t) => {
    const [verdict] = await rehearse({ recording, cuts: [cut], signal, onVerdict: () => {} });
    t.equal(verdict?.outcome, "good", `${verdict?.reason}\n${verdict?.lines.join("\n")}`);
  });
}

/** The cut after so many entries: one that only flushes (where they fall differs between runs) leaves the card as the write before it. */
function prefix(most: number): Cut {
  const found = cuts.findLast(({ kind, at }) => kind === "prefix" && at <= most);
  if (found === undefined) throw new Error(`there is no cut before entry ${most}`);
  return found;
}

/** The middle one of those of that kind. */
function one(kind: Cut["kind"], fits: (cut: Cut) => boolean): Cut {
  const fitting = cuts.filter((cut) => cut.kind === kind && fits(cut));
  const found = fitting[fitting.length >> 1];
  if (found === undefined) throw new Error(`there is no cut of that kind: ${kind}`);
  return found;
}

/** Where it lies on the card. Bytes. */
async function bootPartition(): Promise<{ readonly offset: number; readonly size: number }> {
  const file = await open(recording.image, "r");
  const { size } = await file.stat();
  const table = await readPartitions((at, length) => readAt(file, at, length), { size, copy: "skip" });
  await file.close();
  const [first] = table?.partitions ?? [];
  if (first === undefined) throw new Error("the image has no partitions");
  return first;
}
