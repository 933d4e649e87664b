import { type BenchReport, benchNotes, benchReport } from "../../src/report/bench.js";

/** A comparison on a board with Cortex-A72 cores, without engines but for those that are given; read as a file is. */
export function someReport(given: Partial<BenchReport>): BenchReport {
  return benchReport.parse({
    format: 1,
    edgeimg: "0.1.0",
    project: "toy",
    board: "some-board",
    cpu: "cortex-a72",
    reference: "pkg:npm/reference@1",
    distribution: { name: "debian-13", date: "Mon, 30 Nov 2026 00:00:00 UTC" },
    method: { threads: 1, warmUp: 1 },
    engines: [],
    refused: [],
    notes: [...benchNotes],
    ...given,
  });
}
