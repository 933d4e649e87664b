import { type Outcome, outcomes, type Verdict } from "./outcome.js";

export interface EngineVerdicts {
  readonly engine: string;
  readonly verdicts: readonly Verdict[];
}

const introduction = `# Operators

What becomes of ONNX's own node tests (Debian's libonnx-testdata 1.17.0, one operator or a few with inputs and expected outputs), engine by engine. Each
goes the way of a model of a project: read, converted, run in the engine's library under \`qemu-aarch64\` with cortex-a72, compared with ONNX Runtime on the
host; and at last with what ONNX expects. Weights and parameters (shapes, axes, bounds) are constants, as exporters write them; all else is an input.
\`npm run build && node test/conformance.mjs --engine NAME --write\` makes the lists in \`test/conformance/outcomes\`, \`--table\` this page of them. A model
is refused where one of its operators, ranks or types is.

Where not all were tried, those that were come from everywhere; an operator without a figure was not tried with that engine. Of what was not tried, an
engine without a row among it, this page says nothing.
`;

/** The page docs/operators.md. */
export function operatorsPage(engines: readonly EngineVerdicts[]): string {
  return [introduction, countsTable(engines), wrongTable(engines), checkedTable(engines), operatorTable(engines)].join(
    "\n",
  );
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |\n`;
const head = (cells: readonly string[]) => row(cells) + row(cells.map(() => "---"));

function countsTable(engines: readonly EngineVerdicts[]): string {
  const kinds = Object.keys(outcomes) as Outcome[];
  const all = new Set(engines.flatMap(({ verdicts }) => verdicts.map(({ name }) => name))).size;
  const lines = engines.map(({ engine, verdicts }) =>
    row([
      `\`${engine}\``,
      `${verdicts.length} of ${all}`,
      ...kinds.map((kind) => verdicts.filter(({ outcome }) => outcome === kind).length),
    ]),
  );
  return head(["engine", "tests", ...Object.values(outcomes)]) + lines.join("");
}

/** Why the reference differs from what a test expects. */
const reasons: readonly (readonly [test: RegExp, reason: string])[] = [
  [/^test_training_dropout/, "drawn at random"],
  [/_to_BFLOAT16/, "rounded to the nearest, where the test cuts off"],
  [/^test_qlinearmatmul/, "stops at the type's limit, where the test's value has gone round"],
  [
    /^test_resize_downsample_scales_\w+_align_corners/,
    "the corners are those of the whole number of values that there are, as in PyTorch, not of size times scale",
  ],
  [/^test_averagepool_3d_dilations/, "a window beyond the end counts its padding another way"],
];

/** What a build takes and ONNX expects otherwise, each by name. */
function wrongTable(engines: readonly EngineVerdicts[]): string {
  const lines = engines.flatMap(({ engine, verdicts }) =>
    verdicts
      .filter(({ outcome }) => outcome === "wrong")
      .map(({ name, why }) =>
        row([
          `\`${engine}\``,
          `\`${name}\``,
          why.replace(/; so does the reference$/, ""),
          reasons.find(([test]) => test.test(name))?.[1] ?? "",
        ]),
      ),
  );
  const says =
    "A test is *wrong* when the build's check passes and an output differs from what ONNX expects. In all of these ONNX Runtime on the host, with which the build compares, differs in the same way.\n\n";
  return `## Wrong\n\n${says}${head(["engine", "test", "output", "ONNX Runtime's way"])}${lines.join("")}`;
}

/** What only the comparison with ONNX Runtime finds: converter and engine take it and give other numbers. */
function checkedTable(engines: readonly EngineVerdicts[]): string {
  const lines = engines.flatMap(({ engine, verdicts }) => {
    const found = verdicts.filter(({ outcome }) => outcome === "check");
    const operators = [...new Set(found.map(({ operator }) => operator))].sort();
    return operators.map((operator) =>
      row([
        `\`${engine}\``,
        operator,
        found
          .filter((one) => one.operator === operator)
          .map(({ name }) => name.replace(/^test_/, ""))
          .join(", "),
      ]),
    );
  });
  return `## Refused by the check alone\n\nConverter and engine take these and give other numbers than ONNX Runtime; the build's check refuses them.\n\n${head(["engine", "operator", "tests"])}${lines.join("")}`;
}

/** Tests that pass of those that there are, operator by operator. */
function operatorTable(engines: readonly EngineVerdicts[]): string {
  const names = [...new Set(engines.flatMap(({ verdicts }) => verdicts.map(({ operator }) => operator)))].sort();
  const lines = names.map((operator) =>
    row([
      operator,
      ...engines.map(({ verdicts }) => {
        const own = verdicts.filter((one) => one.operator === operator);
        return own.length === 0 ? "" : `${own.filter(({ outcome }) => outcome === "passed").length} of ${own.length}`;
      }),
    ]),
  );
  return `## Passed, by operator\n\n${head(["operator", ...engines.map(({ engine }) => `\`${engine}\``)])}${lines.join("")}`;
}
