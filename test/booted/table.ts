import { isSame, type Key, type ModelError, type Result } from "./result.js";

const from = "<!-- examples: made by `node test/examples.mjs --table` of what the command kept. -->\n";
const to = "<!-- end of examples -->";

/** A page with the table of the kept results; what is planned and was not run is said to be. Throws when the page has no place for it. */
export function withTable(page: string, planned: readonly Key[], kept: readonly Result[]): string {
  const [before, rest] = page.split(from);
  const after = rest?.split(to)[1];
  if (before === undefined || after === undefined) throw new Error("the page has no section for the examples");
  return `${before}${from}${table(planned, kept)}${to}${after}`;
}

/** A row for each example and engine, a column for each board; what is not kept was not run. */
function table(planned: readonly Key[], kept: readonly Result[]): string {
  const all = [...planned, ...kept];
  const boards = [...new Set(all.map(({ board }) => board))].sort();
  const pairs = [...new Set(all.map(({ example, engine }) => `${example} ${engine}`))].sort();
  const head = ["example", "engine", ...boards, "largest difference, by model"];
  const rows = pairs.map((pair) => {
    const [example = "", engine = ""] = pair.split(" ");
    const found = boards.map((board) => kept.find((one) => isSame(one, { example, engine, board })));
    // Boards of one core have the same.
    const errors = new Set(found.map(errorText).filter((text) => text !== ""));
    return [example, `\`${engine}\``, ...found.map(resultText), [...errors].join("; ")];
  });
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function resultText(found: Result | undefined): string {
  if (found === undefined) return "not run";
  if ("refused" in found) return `refused: ${found.refused.message} (\`${found.refused.code}\`)`;
  const given = Object.entries(found.fixed ?? {}).map(
    ([model, shapes]) => `, ${model} at ${shapes.map((shape) => shape.join(" x ")).join(" and ")}`,
  );
  return `${found.checks.passed} of ${found.checks.of} checks${given.join("")}`;
}

function errorText(found: Result | undefined): string {
  if (found === undefined || "refused" in found) return "";
  const text = ({ model, against, error, of }: ModelError) =>
    `${model} ${error} of ${of}${against === "golden" ? " (golden)" : ""}`;
  return found.models.map(text).join(", ");
}
