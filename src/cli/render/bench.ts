import type { BenchModel, BenchReport, BenchRun, Latency, MeasuredEngine } from "../../report/bench.js";
import { bytesText, narrowTable, printable, wrap } from "./words.js";

/** The comparison as tables for a terminal: one of the engines, one of each model. */
export function benchText(report: BenchReport, files: readonly string[]): string {
  const { engines, refused, project, board, cpu, notes } = report;
  const head = ["engine", "version", "image", "engine adds"];
  const sizes = engines.map((one) => [one.name, one.version, bytesText(one.imageBytes), bytesText(one.engineBytes)]);
  const names = [...new Set(engines.flatMap(({ models }) => models.map(({ name }) => name)))];
  return [
    `${project} on ${board} (${cpu})\n`,
    narrowTable([head, ...sizes]),
    ...names.map((name) => modelText(name, engines)),
    ...(refused.length === 0
      ? []
      : [`Cannot run it:\n${refused.map((one) => `  ${one.name}: ${one.refused}\n`).join("")}`]),
    notes.map((note) => `${wrap(note, "")}\n`).join(""),
    files.map((file) => `${file}\n`).join(""),
  ]
    .map(printable)
    .join("\n");
}

function modelText(name: string, engines: readonly MeasuredEngine[]): string {
  const rows = engines.flatMap((engine) =>
    engine.models.flatMap((model) =>
      model.name === name ? model.runs.map((run) => runRow(engine.name, model, run)) : [],
    ),
  );
  const head = ["engine", "shapes", "instructions", "memory", "largest error", "mean error", ""];
  return `${name}\n${narrowTable([head, ...rows], 100)}${boardText(name, engines)}`;
}

/** A model's times on a board, where there are some. */
function boardText(name: string, engines: readonly MeasuredEngine[]): string {
  const rows = engines.flatMap((engine) =>
    engine.models.flatMap((model) =>
      model.name === name
        ? model.runs.flatMap(({ shapes, latency }) => timeRow(engine.name, shapes, latency) ?? [])
        : [],
    ),
  );
  if (rows.length === 0) return "";
  const head = ["on the board", "shapes", "median", "p95", "runs", "threads", "clock", "temperature"];
  return `\n${narrowTable([head, ...rows.map((row) => row.cells)], 100)}`;
}

function timeRow(engine: string, shapes: BenchRun["shapes"], latency: Latency | undefined) {
  if (latency === undefined) return undefined;
  const { medianNs, p95Ns, runs, warmUp, threads, kHz, milliCelsius } = latency;
  const ms = (ns: number) => `${(ns / 1e6).toPrecision(3)} ms`;
  const range = (pair: readonly number[] | null, unit: string, scale: number) =>
    pair === null ? "not told" : `${pair.map((one) => Math.round(one / scale)).join(" to ")} ${unit}`;
  const cells = [
    ...[engine, Object.values(shapes).join(", "), ms(medianNs), ms(p95Ns), `${runs} after ${warmUp}`, String(threads)],
    ...[range(kHz, "MHz", 1000), range(milliCelsius, "C", 1000)],
  ];
  return { cells };
}

function runRow(engine: string, { passes }: BenchModel, run: BenchRun): string[] {
  return [
    engine,
    Object.values(run.shapes).join(", "),
    countText(run.instructions),
    bytesText(run.peakBytes),
    errorText(run.largestError),
    errorText(run.meanError),
    passes ? "" : "beyond its tolerance",
  ];
}

/** `12.3 M`, `4.56 G`: three digits, as much as a comparison needs; the file has all. */
function countText(count: number): string {
  const units = ["", " k", " M", " G", " T"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? String(count) : `${value.toPrecision(3)}${units[unit]}`;
}

const errorText = (error: number | null): string =>
  error === null ? "not comparable" : error === 0 ? "0" : error.toExponential(1);
