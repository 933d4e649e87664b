import { xmlText } from "../formats/xml-text.js";
import { compareText } from "../ground/canonical.js";
import type { BenchReport, BenchRun, Latency } from "./bench.js";

/** All lengths are pixels; all texts are escaped for XML and HTML. */
export interface BenchChart {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly groups: readonly {
    readonly label: string;
    readonly y: number;
    readonly bars: readonly {
      readonly label: string;
      readonly value: string;
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly textY: number;
      readonly valueX: number;
    }[];
  }[];
}

const layout = { width: 880, bars: 150, longest: 560, line: 22, bar: 16, head: 40, group: 34 };

/** The bars of a comparison: what each engine adds, and for each model and its shapes instructions and memory. Less is better in all. */
export function benchChart(report: BenchReport): BenchChart {
  let y = layout.head;
  const groups = chartRows(report).map(({ label, rows }) => {
    const most = Math.max(1, ...rows.map(([, value]) => value));
    const top = y;
    const bars = rows.map(([engine, value], index) => {
      const width = Math.max(1, Math.round((layout.longest * value) / most));
      const at = top + 10 + index * layout.line;
      return {
        label: xmlText(engine),
        value: grouped(value),
        ...{ x: layout.bars, y: at, width, textY: at + 13, valueX: layout.bars + width + 6 },
      };
    });
    y = top + rows.length * layout.line + layout.group;
    return { label: xmlText(label), y: top, bars };
  });
  const title = xmlText(`${report.project} on ${report.board} (${report.cpu})`);
  return { title, width: layout.width, height: y, groups };
}

interface ChartRows {
  readonly label: string;
  readonly rows: readonly (readonly [engine: string, value: number])[];
}

function chartRows({ engines }: BenchReport): ChartRows[] {
  const adds = {
    label: "Bytes that the engine adds to the image",
    rows: engines.map((one) => [one.name, one.engineBytes] as const),
  };
  const byRun = new Map<string, [string, BenchRun][]>();
  for (const { name, models } of engines)
    for (const model of models)
      for (const run of model.runs) {
        const key = `${model.name} at ${Object.values(run.shapes).join(", ")}`;
        byRun.set(key, [...(byRun.get(key) ?? []), [name, run]]);
      }
  const measured = [...byRun].flatMap(([key, runs]): ChartRows[] => [
    { label: `${key}: instructions of one run`, rows: runs.map(([engine, run]) => [engine, run.instructions]) },
    { label: `${key}: bytes of memory`, rows: runs.map(([engine, run]) => [engine, run.peakBytes]) },
  ]);
  return [adds, ...measured];
}

/** Times, and all that they depend on. */
function timeTexts(latency: Latency | undefined): string[] {
  if (latency === undefined) return ["", "", ""];
  const { medianNs, p95Ns, runs, warmUp, threads, kHz, milliCelsius } = latency;
  const told = (pair: readonly number[] | null) => (pair === null ? "not told" : pair.join(" to "));
  const how = `${runs} runs after ${warmUp}, ${threads} threads, ${told(kHz)} kHz, ${told(milliCelsius)} mC`;
  return [(medianNs / 1e6).toPrecision(4), (p95Ns / 1e6).toPrecision(4), how];
}

/** `1 234 567`, with spaces that do not break. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, "\u00a0");
}

/** What the page shows beside the chart: tables of texts, escaped. */
export function benchPage(report: BenchReport) {
  const { engines, refused, notes, edgeimg, reference, distribution } = report;
  const error = (value: number | null) => (value === null ? "not comparable" : value.toPrecision(3));
  const rows = engines.flatMap(({ name, models }) =>
    models.flatMap((model) =>
      model.runs.map((run) =>
        [
          ...[
            model.name,
            Object.values(run.shapes).join(", "),
            name,
            grouped(run.instructions),
            grouped(run.peakBytes),
          ],
          ...[error(run.largestError), error(run.meanError), model.against, model.passes ? "yes" : "no"],
          ...timeTexts(run.latency),
        ].map(xmlText),
      ),
    ),
  );
  return {
    chart: benchChart(report),
    engines: engines.map((one) =>
      [one.name, one.version, grouped(one.imageBytes), grouped(one.engineBytes)].map(xmlText),
    ),
    runs: rows.sort((a, b) => compareText(`${a[0]} ${a[1]}`, `${b[0]} ${b[1]}`)),
    refused: refused.map((one) => [one.name, one.version, one.refused].map(xmlText)),
    notes: notes.map(xmlText),
    made: xmlText(
      `edgeimg ${edgeimg}, packages of ${distribution.name} of ${distribution.date}, compared with ${reference}`,
    ),
  };
}
