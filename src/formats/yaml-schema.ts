import type * as z from "zod";
import type { ErrorCode } from "../errors/codes.js";
import { EdgeimgError, type Place } from "../errors/edgeimg-error.js";
import { placeText } from "../errors/place.js";
import { describeProblems } from "./schema-problems.js";
import { parseYaml, type YamlFile } from "./yaml.js";

export interface ParsedYaml<T> extends YamlFile {
  readonly value: T;
  /** As written: before defaults and conversions. */
  readonly raw: unknown;
}

export interface ParseOptions {
  /** The name that error places carry. */
  readonly file: string;
  /** The code of errors about values that the schema refuses. */
  readonly code: ErrorCode;
  readonly hint?: string;
}

/** More problems than this are counted, not listed. */
const maxProblems = 10;

/**
 * Reads YAML text into the type of a schema. All problems are told at once: the first is the error's message and
 * place, the others are its details.
 * @throws EdgeimgError ERR_EDGEIMG_YAML_INVALID, or `options.code`
 */
export function parseYamlWith<T>(schema: z.ZodType<T>, text: string, options: ParseOptions): ParsedYaml<T> {
  const file = parseYaml(text, options.file);
  const parsed = schema.safeParse(file.value ?? {}, { reportInput: false });
  if (parsed.success) return { ...file, raw: file.value, value: parsed.data };
  const problems = describeProblems(schema, file.value ?? {}, parsed.error)
    .map(({ path, atKey, message }) => ({ message, place: atKey ? file.keyPlace(path) : file.place(path) }))
    .sort((a, b) => (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0));
  throw problemError(problems, options);
}

/** One error that tells several problems of one file. `problems` is not empty. */
export function problemError(
  problems: readonly { readonly message: string; readonly place: Place }[],
  options: Omit<ParseOptions, "file">,
): EdgeimgError {
  const [first, ...others] = problems;
  const listed = others.slice(0, maxProblems - 1).map((problem) => `${placeText(problem.place)}: ${problem.message}`);
  const rest = others.length - listed.length;
  return new EdgeimgError(options.code, first?.message ?? "the file is not valid", {
    ...(first === undefined ? {} : { place: first.place }),
    ...(options.hint === undefined ? {} : { hint: options.hint }),
    details: rest > 0 ? [...listed, `and ${rest} more`] : listed,
  });
}
