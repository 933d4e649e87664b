import { fileURLToPath } from "node:url";
import t from "tap";
import { templateRenderer } from "../../src/api/session/render-template.js";
import { benchText } from "../../src/cli/render/bench.js";
import { benchReport, quantile } from "../../src/report/bench.js";
import { benchPage } from "../../src/report/bench-chart.js";
import { someReport } from "../helpers/bench-report.js";

const run = {
  shapes: { x: "1x3x48x320" },
  instructions: 1_234_567_890,
  peakBytes: 30_000_000,
  largestError: 0.000_012,
  meanError: 0,
};
const report = someReport({
  engines: [
    {
      name: "one",
      version: "1.0",
      imageBytes: 130_000_000,
      engineBytes: 5_900_000,
      models: [{ name: "rec", bytes: 10, against: "onnxruntime", passes: true, runs: [run] }],
    },
    {
      name: "two",
      version: "2.0",
      imageBytes: 140_000_000,
      engineBytes: 20_000_000,
      models: [
        {
          name: "rec",
          bytes: 10,
          against: "onnxruntime",
          passes: false,
          runs: [{ ...run, largestError: null, meanError: null }],
        },
      ],
    },
  ],
  refused: [{ name: "three", version: "3", code: "ERR_EDGEIMG_MODEL_OPERATOR", refused: "no \u001b[31mGridSample" }],
});

t.test("the schema takes a report, and nothing that is no figure", async (t) => {
  t.same(benchReport.parse(JSON.parse(JSON.stringify(report))), report);
  const [engine] = report.engines;
  for (const wrong of [
    { instructions: 0 },
    { instructions: 1.5 },
    { peakBytes: -1 },
    { largestError: -1 },
    { more: 1 },
  ]) {
    const models = [{ ...engine?.models[0], runs: [{ ...run, ...wrong }] }];
    t.notOk(benchReport.safeParse({ ...report, engines: [{ ...engine, models }] }).success, JSON.stringify(wrong));
  }
});

t.test("the terminal shows a row an engine and shapes, what is refused, and what the figures are not", async (t) => {
  const text = benchText(report, ["out/some-board-bench/bench.json"]);
  t.match(text, /^toy on some-board \(cortex-a72\)$/m);
  t.match(text, /^one +1\.0 +130 MB +5\.9 MB$/m);
  t.match(text, /^one +1x3x48x320 +1\.23 G +30\.0 MB +1\.2e-5 +0$/m);
  t.match(text, /^two +1x3x48x320 +1\.23 G +30\.0 MB +not comparable +not comparable +beyond its tolerance$/m);
  t.match(text, /^ {2}three: no GridSample$/m, "nothing steers the terminal");
  t.match(text, /They are not time/);
  t.match(text, /^out\/some-board-bench\/bench\.json$/m);
});

t.test("a quantile is one of the values, by the nearest rank", async (t) => {
  const values = Array.from({ length: 20 }, (_, index) => 20 - index);
  t.equal(quantile(values, 0.5), 10);
  t.equal(quantile(values, 0.95), 19);
  t.equal(quantile([7], 0.95), 7);
  t.throws(() => quantile([], 0.5));
});

t.test("chart and page: bars in proportion, every text escaped, no other file", async (t) => {
  const render = templateRenderer(fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, ""));
  const odd = { ...report, project: `<script>alert("&")</script>` };
  const { chart, ...page } = benchPage(odd);
  const [adds] = chart.groups;
  t.same(
    adds?.bars.map(({ width }) => width),
    [Math.round((560 * 5.9) / 20), 560],
  );
  t.equal(chart.groups.length, 3, "what engines add, and instructions and memory of one model");
  const svg = render("bench/chart.svg.hbs", chart);
  const html = render("bench/page.html.hbs", { ...page, title: chart.title, svg });
  t.equal(svg.match(/<rect /g)?.length, 1 + 6, "the ground, and a bar an engine and group");
  for (const text of [svg, html]) {
    t.notMatch(text, /<script|alert\("/);
    t.match(text, "&#60;script&#62;");
    t.notMatch(text, /(?:href|src)=|@import|url\(/);
  }
  t.match(html, /<td>1.234.567.890<\/td>/);
  t.match(html, "not comparable");
  t.equal(render("bench/chart.svg.hbs", benchPage(odd).chart), svg, "the same bytes");
});
