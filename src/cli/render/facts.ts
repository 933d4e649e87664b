import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { didYouMean } from "../../errors/nearest.js";
import { wrap } from "./words.js";

/** A heading, and a line for each fact that is not empty; a label that repeats stands once. */
export function facts(
  heading: string,
  rows: readonly (readonly [label: string, text: string])[],
  columns?: number,
): string {
  const told = rows.filter(([, text]) => text !== "");
  const width = Math.max(0, ...told.map(([label]) => label.length));
  const lines = told.map(([label, text], index) => {
    const shown = told[index - 1]?.[0] === label ? "" : label;
    return `  ${shown.padEnd(width)}  ${wrap(text, " ".repeat(width + 4), columns).trimStart()}\n`;
  });
  return `${heading}\n\n${lines.join("")}`;
}

/** The one of a list that has this name. Throws ERR_EDGEIMG_UNKNOWN_NAME. */
export function oneOf<T extends { readonly name: string }>(kind: string, name: string, list: readonly T[]): T {
  const found = list.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = list.map((one) => one.name);
  throw new EdgeimgError("ERR_EDGEIMG_UNKNOWN_NAME", `There is no ${kind} "${name}".${didYouMean(name, names)}`, {
    hint: `Known: ${names.join(", ")}.`,
  });
}
