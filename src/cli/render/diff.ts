import { growth, type ImageDiff, type SizeChange } from "../../report/diff.js";
import { bytesText, table } from "./words.js";

/** Files listed when not all are asked for. */
const someFiles = 20;

/** For a terminal. */
export function diffText(diff: ImageDiff, { all }: { readonly all: boolean }): string {
  const sections = sectionsOf(diff, all ? Number.POSITIVE_INFINITY : someFiles);
  const shown = sections.flatMap(({ title, rows, more }) =>
    rows.length === 0
      ? []
      : [`${title}\n${table(rows.map((row) => ["", ...row]))}${moreText(more, " (all with --verbose)")}`],
  );
  return `${headOf(diff)}\n\n${shown.join("\n")}${isSame(diff) ? "No file differs.\n" : ""}`;
}

/** For the comment of a pull request. */
export function diffMarkdown(diff: ImageDiff): string {
  const sections = sectionsOf(diff, someFiles).flatMap(({ title, heads, rows, more }) => {
    if (rows.length === 0) return [];
    const lines = [heads, heads.map((_, index) => (index === 0 ? "---" : "---:")), ...rows.map((row) => row.map(cell))];
    const body = lines.map((line) => `| ${line.join(" | ")} |\n`).join("");
    return [`#### ${title}\n\n${body}${moreText(more, "")}`];
  });
  return `### ${cell(headOf(diff))}\n\n${sections.join("\n")}${isSame(diff) ? "\nNo file differs.\n" : ""}`;
}

interface Section {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rows that are left out. */
  readonly more: number;
}

function sectionsOf(diff: ImageDiff, files: number): Section[] {
  const sizes = (title: string, head: string, list: readonly SizeChange[]): Section => ({
    title,
    heads: [head, "before", "after", "change"],
    rows: list.map((one) => [one.name, sizeText(one.from), sizeText(one.to), growthText(one)]),
    more: 0,
  });
  return [
    sizes("Sizes", "part", diff.sizes),
    {
      title: "Versions",
      heads: ["package", "before", "after"],
      rows: diff.versions.map((one) => [one.name, one.from ?? "(new)", one.to ?? "(gone)"]),
      more: 0,
    },
    sizes("Models", "model", diff.models),
    sizes("Packages that changed their size", "package", diff.packages),
    {
      ...sizes(
        "Files",
        "file",
        diff.files.slice(0, files).map((one) => ({ ...one, name: `${one.part} /${one.name}` })),
      ),
      more: Math.max(0, diff.files.length - files),
    },
  ];
}

function headOf({ old, new: next }: ImageDiff): string {
  const name = (one: ImageDiff["old"]) => `${one.project} on ${one.board} with ${one.engine}`;
  return name(old) === name(next) ? name(old) : `${name(old)} -> ${name(next)}`;
}

const isSame = (diff: ImageDiff): boolean => diff.files.length === 0 && diff.versions.length === 0;

const sizeText = (bytes: number | undefined): string => (bytes === undefined ? "-" : bytesText(bytes));

function growthText(change: SizeChange): string {
  const bytes = growth(change);
  if (change.from === undefined) return "new";
  if (change.to === undefined) return "gone";
  return bytes === 0 ? "0" : `${bytes > 0 ? "+" : "-"}${bytesText(Math.abs(bytes))}`;
}

function moreText(count: number, how: string): string {
  return count === 0 ? "" : `\n${count} more files differ${how}\n`;
}

/** Names come from images: none may end a cell or begin markup. */
function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|~#]/g, (char) => `\\${char}`).replace(/[\r\n]+/g, " ");
}
