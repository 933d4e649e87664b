import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allCuts, type Cut } from "./cuts.js";
import { type Outcome, rehearse, type Verdict } from "./judge.js";
import { record, recordNames } from "./records.js";

/** The whole power-cut rehearsal, or the part of it that the arguments name. Gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      record: { type: "string" },
      points: { type: "string" },
      every: { type: "string", default: "1" },
      folder: { type: "string" },
    },
  });
  const names = recordNames.filter((name) => values.record === undefined || values.record === name);
  if (names.length === 0) throw new Error(`--record is one of ${recordNames.join(", ")}`);
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  const folder = await mkdtemp(join(values.folder ?? tmpdir(), "edgeimg-rehearsal-"));
  let bad = 0;
  try {
    for (const name of names) {
      const recording = await record({ name, folder, signal: controller.signal });
      const all = allCuts(recording.entries);
      const cuts = select(all, values);
      const writes = recording.entries.filter(({ length }) => length > 0);
      const bytes = writes.reduce((sum, { length }) => sum + length, 0);
      console.log(
        `${name}: ${recording.entries.length} entries, ${writes.length} writes, ${bytes} bytes; ${cuts.length} of ${all.length} cuts`,
      );
      const verdicts = await rehearse({ recording, cuts, signal: controller.signal, onVerdict: show });
      console.log(`${name}: ${summary(verdicts)}`);
      bad += verdicts.filter(({ outcome }) => outcome !== "good").length;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return bad === 0 ? 0 : 1;
}

/** `points`: `6-20` or `10`, how many entries came before the cut. `every`: each so many-th of what is left. */
function select(
  cuts: readonly Cut[],
  { points, every }: { readonly points?: string | undefined; readonly every: string },
): Cut[] {
  const [from = 0, to = from] = points?.split("-").map(Number) ?? [0, Number.POSITIVE_INFINITY];
  const step = Number(every);
  if (Number.isNaN(from + to) || !Number.isInteger(step) || step < 1) throw new Error("--points 6-20 --every 3");
  return cuts.filter(({ at }) => at >= from && at <= to).filter((_, index) => index % step === 0);
}

function show({ cut, outcome, reason, lines, seconds }: Verdict): void {
  console.log(`${cut.name}: ${outcome}${reason === undefined ? "" : ` (${reason})`}, ${seconds.toFixed(1)} s`);
  if (outcome !== "good") console.log(lines.map((line) => `    ${line}`).join("\n"));
}

function summary(verdicts: readonly Verdict[]): string {
  const count = (outcome: Outcome) => verdicts.filter((one) => one.outcome === outcome).length;
  const reordered = verdicts.filter(({ cut }) => cut.kind === "reordered").length;
  return `${verdicts.length} cuts, of which ${reordered} reordered: ${count("good")} good, ${count("volatile")} volatile, ${count("lost")} lost, ${count("not-booting")} not booting`;
}
