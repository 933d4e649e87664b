import type { PlanResult, StepDetails } from "../../api/types.js";
import { originText } from "../../config/merge.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions, stepFlag } from "../flags.js";
import { shellWord, table } from "../render/words.js";

export const plan: CommandSpec = {
  name: "plan",
  summary: "show what a build would do, and why",
  description:
    "Lists the settings with the place each value came from, and the steps of the build: which are already in the store, and what needs each of them; or, with --step, one step with all that decides its result. Nothing is built.",
  arguments: [],
  flags: [...buildFlags, stepFlag("step", "show this step whole: commands, environment, inputs, key")],
  examples: [
    ["edgeimg plan --board rpi4 --engine ncnn", "settings and steps"],
    ["edgeimg plan --json", "the same for a program"],
    ["edgeimg plan --step compile/edge-run", "what one step runs, and on what"],
  ],
  run: async ({ api, context, flags, output }) => {
    const { planImage, planStep } = api;
    const step = flags.text("step");
    if (step !== undefined) {
      const details = await planStep(context, { ...buildOptions(flags), step });
      await output.result({ command: "plan", ...details }, stepText(details));
      return 0;
    }
    const result = await planImage(context, buildOptions(flags));
    await output.result({ command: "plan", ...result }, planText(result, output.verbose));
    return 0;
  },
};

export function planText(result: PlanResult, verbose: boolean): string {
  const settings = result.settings.map((one) => [`  ${one.key}`, shown(one.value, verbose), originText(one.origin)]);
  const steps = result.steps.map((step) => [step.cached ? "  store" : "  run", step.id, step.title, step.why]);
  const cached = result.steps.filter((step) => step.cached).length;
  const summary = `${result.steps.length} steps, ${cached} of them in the store`;
  return `Settings\n${table(settings)}\nSteps for ${result.board} with ${result.engine}\n${table(steps)}\n${summary}\n`;
}

const unknown = "not known before its inputs are";

function stepText(step: StepDetails): string {
  const facts = [
    ["  step", step.id],
    ["  what", step.title],
    ["  why", step.why],
    ["  kind", `${step.kind}, version ${step.version}`],
    ["  jobs", step.weight],
    ["  key", step.key ?? (step.kind === "local" ? "none: it reads files of yours each time" : unknown)],
    ["  result", step.path ?? "not in the store"],
    ["  needed by", step.neededBy.join(", ") || "nothing: it is a result"],
  ];
  const { process } = step;
  const inputs = step.inputs.map(({ name, step: from, digest }) => {
    const copy = process?.copies[name];
    return [`  ${name}`, from, digest ?? "not in the store", ...(copy === undefined ? [] : [`copied to ${copy}`])];
  });
  const work =
    process === undefined
      ? `\nParameters\n${indented(JSON.stringify(step.params, null, 2))}`
      : `\nEnvironment\n${table(Object.entries(process.env).map(([key, value]) => [`  ${key}`, value]))}\nCommands\n${commandsText(process)}`;
  return `${table(facts)}${inputs.length > 0 ? `\nInputs\n${table(inputs)}` : ""}${work}`;
}

/** One command a line, as a shell would take it but for `{cwd}` and `{jobs}`. */
function commandsText({ commands, late, stdin, stdout }: NonNullable<StepDetails["process"]>): string {
  const lines = commands.map((command) => command.map(shellWord).join(" "));
  const files = `${stdin === undefined ? "" : ` < ${shellWord(stdin)}`}${stdout === undefined ? "" : ` > ${shellWord(stdout)}`}`;
  const more = late === undefined ? "" : `  # and what follows from the ports in in/${late}`;
  return indented(`${lines.join("\n")}${files}${more}`);
}

function indented(text: string): string {
  return text.replace(/^/gm, "  ").concat("\n");
}

function shown(value: unknown, verbose: boolean): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 && !verbose ? `${text.slice(0, 57)}...` : text;
}
