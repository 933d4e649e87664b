import t from "tap";
import type { ChooseBy } from "../../src/config/project-schema.js";
import type { BenchReport, MeasuredEngine } from "../../src/report/bench.js";
import { chooseMeasured } from "../../src/report/bench-choice.js";
import { someReport } from "../helpers/bench-report.js";

interface Figures {
  readonly instructions: number;
  readonly peakBytes: number;
  readonly imageBytes: number;
  readonly medianNs?: number;
  readonly version?: string;
  readonly passes?: boolean;
  readonly engineBytes?: number;
}

function engine(name: string, figures: Figures): MeasuredEngine {
  const { instructions, peakBytes, imageBytes, medianNs, version = "1", passes = true, engineBytes = 5 } = figures;
  const latency = { runs: 40, warmUp: 5, threads: 1, p95Ns: 9, kHz: null, milliCelsius: null };
  const runs = [1, 2].map((part) => ({
    shapes: { x: `${part}` },
    instructions: instructions * part,
    peakBytes: peakBytes * part,
    largestError: 0,
    meanError: 0,
    ...(medianNs === undefined ? {} : { latency: { ...latency, medianNs } }),
  }));
  const models = [{ name: "m", bytes: 1, against: "reference", passes, runs }];
  return { name, version, imageBytes, engineBytes, models };
}

function report(...engines: readonly MeasuredEngine[]): BenchReport {
  const refused = { name: "four", version: "1", code: "ERR_EDGEIMG_MODEL_OPERATOR", refused: "no GridSample" };
  return someReport({ engines: [...engines], refused: [refused] });
}

const versions = new Map(["one", "two", "three", "four"].map((name) => [name, "1"]));
const choose = (of: BenchReport, by: ChooseBy, models: readonly string[] = ["m"]) =>
  chooseMeasured(of, { models, versions, by });

const one = engine("one", { instructions: 100, peakBytes: 30, imageBytes: 20, medianNs: 7 });
const two = engine("two", { instructions: 90, peakBytes: 40, imageBytes: 10, medianNs: 8 });

t.test("the least figure decides, whatever the order in the file", async (t) => {
  for (const file of [report(one, two), report(two, one)]) {
    t.match(choose(file, "instructions"), {
      engine: "two",
      reasons: ["two 270 instructions", "one 300 instructions", "four cannot run the models: no GridSample"],
    });
    t.equal(choose(file, "memory").engine, "one");
    t.equal(choose(file, "memory").reasons[0], "one 60 bytes of memory");
    t.equal(choose(file, "image").engine, "two");
    t.equal(choose(file, "latency").engine, "one");
    t.equal(choose(file, "latency").reasons[0], "one 14 ns");
  }
});

t.test("of equal ones the one that adds least, then the first by name", async (t) => {
  const equal = { instructions: 100, peakBytes: 1, imageBytes: 1 };
  const file = (bytes: number) =>
    report(engine("two", { ...equal, engineBytes: bytes }), engine("one", { ...equal, engineBytes: 5 }));
  t.equal(choose(file(4), "instructions").engine, "two");
  t.equal(choose(file(5), "instructions").engine, "one");
});

t.test("what is wrong, old, unknown or not measured is not taken, and said", async (t) => {
  const least = { instructions: 1, peakBytes: 1, imageBytes: 1 };
  for (const [other, said] of [
    [engine("two", { ...least, passes: false }), "two is too far off on the model m"],
    [engine("two", { ...least, version: "0" }), "two was measured as 0, and 1 would be built"],
    [engine("five", least), "five is not an engine of this edgeimg"],
  ] as const) {
    const chosen = choose(report(one, other), "instructions");
    t.equal(chosen.engine, "one");
    t.ok(chosen.reasons.includes(said), chosen.reasons.join("; "));
  }
  const untimed = choose(report(engine("three", least), one), "latency");
  t.equal(untimed.engine, "one");
  t.ok(untimed.reasons.includes("three was not timed on a board"));
  const other = choose(report(one, two), "instructions", ["m", "n"]);
  t.equal(other.engine, undefined);
  t.ok(other.reasons.includes("one was not measured on the model n"));
});
