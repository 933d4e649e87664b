import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type { ArgumentSpec, CommandSpec, FlagSpec, Flags } from "./command.js";
import { outputFlags } from "./flags.js";
import type { Terminal } from "./terminal.js";

export interface Parsed {
  readonly spec: CommandSpec;
  readonly arguments: readonly string[];
  readonly flags: Flags;
}

const introduction =
  "Builds flashable SD-card images for ARM boards: a TypeScript app and a neural-network engine, from one YAML.";

const mainExamples: CommandSpec["examples"] = [
  ["edgeimg build --board rpi4 --engine ncnn", "the bundled example, or the project in this folder"],
  ["edgeimg run", "boot it in QEMU"],
  ["edgeimg init my-reader", "start a project of your own"],
  ["edgeimg doctor", "what does this machine lack?"],
];

export interface ProgramOptions {
  readonly terminal: Pick<Terminal, "stdout">;
  /** Called with what was asked for. */
  readonly found: (parsed: Parsed) => void;
  /** What the help of one command says beside its own. */
  readonly more?: { readonly command: string; readonly text: string } | undefined;
}

/**
 * The command line as commander knows it. Parsing calls `found` with what was asked for; help and version are
 * printed, and mistakes thrown as commander's own error.
 */
export function createProgram(commands: readonly CommandSpec[], { terminal, more, found }: ProgramOptions): Command {
  const program = new Command("edgeimg")
    .description(introduction)
    .helpCommand("help [command]", "show help for a command")
    .helpOption("-h, --help", "show help")
    .option("-V, --version", "print the version")
    .addHelpText("after", examplesText(mainExamples))
    .configureHelp({ showGlobalOptions: false, helpWidth: 100 })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: terminal.stdout, writeErr: () => {}, getOutHasColors: () => false });

  for (const spec of commands) {
    const command = program
      .command(spec.name)
      .summary(spec.summary)
      .description(spec.description)
      .helpOption("-h, --help", "show this help")
      .allowExcessArguments(false)
      .addHelpText("after", `${spec.name === more?.command ? more.text : ""}${examplesText(spec.examples)}`)
      .configureHelp({ helpWidth: 100 })
      .exitOverride();
    for (const argument of spec.arguments) command.addArgument(argumentOf(argument));
    for (const flag of [...spec.flags, ...outputFlags]) command.addOption(optionOf(flag));
    command.action(() => {
      const values: Readonly<Record<string, unknown>> = command.opts();
      found({ spec, arguments: command.args, flags: flagsOf(values) });
    });
  }
  return program;
}

function examplesText(examples: CommandSpec["examples"]): string {
  const width = Math.max(...examples.map(([command]) => command.length));
  return `\nExamples:\n${examples.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}\n`).join("")}`;
}

function argumentOf(spec: ArgumentSpec): Argument {
  const argument = new Argument(spec.required ? `<${spec.name}>` : `[${spec.name}]`, spec.help);
  return spec.choices === undefined ? argument : argument.choices(spec.choices);
}

function optionOf(spec: FlagSpec): Option {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const option = new Option(`${short}--${spec.name}${spec.value === undefined ? "" : ` <${spec.value}>`}`, spec.help);
  if (spec.many) {
    const add = (value: string, before: readonly string[]) => [...before, value];
    return option.argParser(add).default([], "none");
  }
  const { number, choices } = spec;
  if (choices !== undefined) return option.choices(choices);
  if (number === undefined) return option;
  return option.argParser((text: string) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= number.min && value <= number.max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${number.min} to ${number.max}.`);
  });
}

function flagsOf(values: Readonly<Record<string, unknown>>): Flags {
  const read = (name: string) => values[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
  return {
    text: (name) => {
      const value = read(name);
      return typeof value === "string" ? value : undefined;
    },
    number: (name) => {
      const value = read(name);
      return typeof value === "number" ? value : undefined;
    },
    list: (name) => {
      const value = read(name);
      return Array.isArray(value) ? value.map(String) : [];
    },
    on: (name) => read(name) === true,
  };
}
