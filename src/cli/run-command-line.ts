import { CommanderError } from "commander";
import type { Api, Context, TidyResult } from "../api/types.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { noSpace } from "../errors/no-space.js";
import type { Output } from "./command.js";
import { commands } from "./commands/index.js";
import { packageVersion } from "./commands/version.js";
import { completions } from "./complete.js";
import { createProgram, type Parsed, type ProgramOptions } from "./program.js";
import { errorRecord, errorText } from "./render/error.js";
import { jsonRenderer } from "./render/json.js";
import { plainRenderer } from "./render/plain.js";
import type { Renderer, RenderOptions } from "./render/renderer.js";
import { bytesText } from "./render/words.js";
import type { Terminal } from "./terminal.js";

/**
 * Runs one command line to its end and gives the exit code: 0 done, 1 the user's mistake, 2 the environment,
 * 3 a failed verification, 70 a bug of ours, 130 interrupted. Never throws.
 * @param words the arguments after the program's name
 */
export async function runCommandLine(words: readonly string[], terminal: Terminal, api: Api): Promise<number> {
  const json = words.includes("--json");
  const fail = (error: unknown, verbose: boolean): number => {
    const known = toKnown(error, terminal.signal.aborted);
    if (json) terminal.stdout(`${JSON.stringify(errorRecord(known))}\n`);
    else
      terminal.stderr(
        errorText(known, {
          color: terminal.color && !words.includes("--no-color"),
          verbose: verbose || known.exitCode === 70,
        }),
      );
    return known.exitCode;
  };
  let parsed: Parsed | number;
  try {
    parsed = await parseWords(words, terminal, api);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return fail(error instanceof CommanderError ? usageError(error) : error, false);
  }
  if (typeof parsed === "number") return parsed;
  const { flags } = parsed;
  const level = flags.on("verbose") ? "verbose" : flags.on("quiet") ? "quiet" : "normal";
  const renderer = await rendererFor({ json, level, terminal });
  try {
    return await runCommand(parsed, api, { json, level, terminal, renderer });
  } catch (error) {
    await renderer.finish();
    return fail(error, level === "verbose");
  }
}

/** The command that the words name, with its flags; the exit code where that is all. Throws CommanderError. */
async function parseWords(words: readonly string[], terminal: Terminal, api: Api): Promise<Parsed | number> {
  if (words[0] === "complete") return await complete(words.slice(words[1] === "--" ? 2 : 1), terminal, api);
  if (words[0] === "--version" || words[0] === "-V") {
    terminal.stdout(`${await packageVersion()}\n`);
    return 0;
  }
  let parsed: Parsed | undefined;
  const found = (what: Parsed) => {
    parsed = what;
  };
  // A command that is named needs none of the others: describing all to the parser takes longer than some of them run.
  const named = commands.filter(({ name }) => name === words[0]);
  const more = await moreHelp(words, api);
  const program = createProgram(named.length > 0 ? named : commands, { terminal, found, more });
  if (words.length === 0) {
    terminal.stdout(program.helpInformation());
    return 1;
  }
  program.parse(words, { from: "user" });
  return parsed ?? 0;
}

/** Runs a command, and tidies the store behind it where it fills it; gives the exit code. */
async function runCommand(
  { spec, flags, arguments: words }: Parsed,
  api: Api,
  setting: Setting & { readonly renderer: Renderer },
): Promise<number> {
  const { json, level, terminal, renderer } = setting;
  const context = contextOf(terminal, renderer);
  const began = terminal.date();
  const code = await spec.run({ arguments: words, flags, context, api, terminal, output: outputOf(setting) });
  if (terminal.signal.aborted) return 130;
  // The result was told: whoever stops this misses nothing.
  if (spec.fillsStore) {
    const left = await api.tidyCache(context, { since: began });
    if (left !== undefined && level !== "quiet" && !json) terminal.stdout(tidyText(left));
  }
  return code;
}

function tidyText({ bytes, days, gigabytes }: TidyResult): string {
  if (bytes === 0) return "";
  return `${bytesText(bytes)} left the store: unused for ${days} days, or longest unused of more than ${gigabytes} GB\n`;
}

/** What the help that is asked for says from what there is. */
async function moreHelp(words: readonly string[], api: Api): Promise<ProgramOptions["more"]> {
  const asked = words[0] === "help" ? words[1] : words.some((one) => one === "--help" || one === "-h") ? words[0] : "";
  const spec = commands.find(({ name }) => name === asked);
  return spec?.more === undefined ? undefined : { command: spec.name, text: await spec.more(api) };
}

interface Setting {
  readonly json: boolean;
  readonly level: RenderOptions["level"];
  readonly terminal: Terminal;
}

async function rendererFor({ json, level, terminal }: Setting): Promise<Renderer> {
  if (json) return jsonRenderer(terminal.stdout);
  const options: RenderOptions = { write: terminal.stdout, now: terminal.now, color: terminal.color, level };
  if (!terminal.interactive || level !== "normal") return plainRenderer(options);
  return (await import("./render/tty.js")).ttyRenderer(options);
}

function contextOf(terminal: Terminal, renderer: Renderer): Context {
  return {
    cwd: terminal.cwd,
    env: terminal.env,
    now: terminal.now,
    date: terminal.date,
    emit: renderer.emit,
    signal: terminal.signal,
  };
}

function outputOf({ json, level, terminal, renderer }: Setting & { readonly renderer: Renderer }): Output {
  return {
    json,
    verbose: level === "verbose",
    quiet: level === "quiet",
    result: async (record, text) => {
      await renderer.finish();
      terminal.stdout(json ? `${JSON.stringify({ type: "result", ...record })}\n` : text);
    },
  };
}

/** Asked by the completion scripts; hidden from the help. Says nothing rather than fail. */
async function complete(words: readonly string[], terminal: Terminal, api: Api): Promise<number> {
  const context: Context = {
    cwd: terminal.cwd,
    env: terminal.env,
    now: terminal.now,
    date: terminal.date,
    emit: () => {},
    signal: terminal.signal,
  };
  const names = async (list: (api: Api) => Promise<readonly { readonly name: string }[]>) => {
    try {
      return (await list(api)).map((one) => one.name);
    } catch {
      return [];
    }
  };
  const found = await completions(words, {
    commands,
    boards: () => names((api) => api.listBoards(context)),
    engines: () => names((api) => api.listEngines(context)),
    examples: () => names((api) => api.listExamples()),
    // Of a project whose lock is complete: nobody waits for a registry behind the Tab key.
    steps: (before) => {
      const given = (...flags: string[]) => before.find((_, index) => flags.includes(before[index - 1] ?? ""));
      const options = {
        configFile: given("-c", "--config"),
        board: given("-b", "--board"),
        engine: given("-e", "--engine"),
        offline: true,
        locked: true,
      };
      return api.listSteps(context, options).catch(() => []);
    },
  });
  terminal.stdout(found.map((word) => `${word}\n`).join(""));
  return 0;
}

/** Commander's sentence without its prefix; its suggestion becomes the hint. */
function usageError(error: CommanderError): EdgeimgError {
  const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(rest.join(" ").trim())?.[1];
  const hint =
    suggestion === undefined
      ? "`edgeimg --help` and `edgeimg COMMAND --help` show what there is."
      : `Did you mean ${suggestion}?`;
  return new EdgeimgError("ERR_EDGEIMG_USAGE", message, { hint });
}

/** After Ctrl-C every failure is the interruption; what we did not foresee is a bug. */
function toKnown(error: unknown, interrupted: boolean): EdgeimgError {
  if (interrupted && !(error instanceof EdgeimgError && error.code === "ERR_EDGEIMG_INTERRUPTED"))
    return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", "stopped", {
      cause: error,
      hint: "Run the same command again: it continues where it stopped.",
    });
  if (error instanceof EdgeimgError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const full = noSpace(error, `No space is left: ${message}.`);
  if (full !== undefined) return full;
  const bug = new EdgeimgError("ERR_EDGEIMG_BUG", message, { cause: error });
  if (error instanceof Error && error.stack !== undefined) bug.stack = error.stack;
  return bug;
}
