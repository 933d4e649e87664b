import { errorCodes } from "../errors/codes.js";
import type { CommandSpec, FlagSpec } from "./command.js";
import { outputFlags } from "./flags.js";

export interface CompletionSources {
  readonly commands: readonly CommandSpec[];
  readonly boards: () => Promise<readonly string[]>;
  readonly engines: () => Promise<readonly string[]>;
  readonly examples: () => Promise<readonly string[]>;
  /** The steps of the build that the words before name. */
  readonly steps: (words: readonly string[]) => Promise<readonly string[]>;
}

/**
 * What may stand in place of the last word. `:files` and `:directories` ask the shell for its own completion.
 * @param words the words after `edgeimg`, the last of which is being typed and may be empty
 */
export async function completions(words: readonly string[], sources: CompletionSources): Promise<readonly string[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const fitting = (names: readonly string[]) => names.filter((name) => name.startsWith(typed));
  const command = sources.commands.find((one) => one.name === before[0]);
  if (before.length === 0) return fitting([...sources.commands.map((one) => one.name), "--help", "--version"]);
  if (command === undefined) return [];

  const flags: readonly FlagSpec[] = [...command.flags, ...outputFlags];
  const last = before.at(-1) ?? "";
  const open = flags.find(
    (flag) =>
      flag.value !== undefined &&
      (last === `--${flag.name}` || (flag.short !== undefined && last === `-${flag.short}`)),
  );
  if (open?.choices !== undefined) return fitting(open.choices);
  if (open?.complete === "steps") return fitting(await sources.steps(before));
  if (open !== undefined) return offer(open.complete, fitting, sources);
  if (typed.startsWith("-")) {
    return fitting([...flags.map((flag) => `--${flag.name}`), "--help"].filter((name) => !before.includes(name)));
  }

  const given = positional(before.slice(1), flags).length;
  const argument = command.arguments[given];
  if (argument === undefined) return [];
  if (argument.choices !== undefined) return fitting(argument.choices);
  return offer(argument.complete, fitting, sources);
}

/** The words that are neither flags nor flags' values. */
function positional(words: readonly string[], flags: readonly FlagSpec[]): readonly string[] {
  const takesValue = (word: string) =>
    flags.some((flag) => flag.value !== undefined && (word === `--${flag.name}` || word === `-${flag.short}`));
  return words.filter((word, index) => !word.startsWith("-") && !takesValue(words[index - 1] ?? ""));
}

async function offer(
  what: FlagSpec["complete"] | "codes",
  fitting: (names: readonly string[]) => readonly string[],
  sources: CompletionSources,
): Promise<readonly string[]> {
  switch (what) {
    case "boards":
      return fitting(await sources.boards());
    case "engines":
      return fitting(await sources.engines());
    case "examples":
      return fitting(await sources.examples());
    case "codes":
      return fitting(Object.keys(errorCodes));
    case "files":
    case "directories":
      return [`:${what}`];
    default:
      return [];
  }
}
