import type { EdgeimgError } from "../../errors/edgeimg-error.js";
import { placeText } from "../../errors/place.js";
import type { Problem } from "../../ground/events.js";
import { paint } from "./paint.js";
import { printable } from "./words.js";

/** At most this many lines of details; a compiler can say thousands. */
const maxDetails = 30;

/** An error as a few lines: code, message, place, details, remedy. */
export function errorText(
  error: Problem | EdgeimgError,
  options: { readonly color: boolean; readonly verbose: boolean },
): string {
  const style = paint(options.color);
  const lines = [`${style.red("error")} ${style.bold(error.code)}: ${printable(error.message)}`];
  if (error.place !== undefined) lines.push(`  at ${printable(placeText(error.place))}`);
  const details = (error.details ?? []).flatMap((detail) => detail.split("\n"));
  const shown = options.verbose ? details : details.slice(0, maxDetails);
  for (const detail of shown) lines.push(`  ${printable(detail)}`);
  if (details.length > shown.length) lines.push(`  (${details.length - shown.length} more lines with --verbose)`);
  if (error.hint !== undefined) lines.push(`  ${style.green("help:")} ${printable(error.hint)}`);
  lines.push(style.dim(`  more: edgeimg explain ${error.code}`));
  if (options.verbose && error instanceof Error && error.stack !== undefined)
    lines.push(style.dim(error.stack), ...causes(error.cause));
  return `${lines.join("\n")}\n`;
}

/** The same for programs: one JSON object. */
export function errorRecord(error: EdgeimgError): Readonly<Record<string, unknown>> {
  return {
    type: "error",
    code: error.code,
    message: error.message,
    ...(error.place === undefined ? {} : { place: error.place }),
    ...(error.details.length === 0 ? {} : { details: error.details }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    exitCode: error.exitCode,
  };
}

function causes(cause: unknown): readonly string[] {
  if (!(cause instanceof Error)) return [];
  return [`caused by: ${cause.stack ?? cause.message}`, ...causes(cause.cause)];
}
