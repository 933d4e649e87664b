import type { PlanResult } from "../../api/types.js";
import { originText } from "../../config/merge.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { table } from "../render/words.js";

export const plan: CommandSpec = {
  name: "plan",
  summary: "show what a build would do, and why",
  description:
    "Lists the settings with the place each value came from, and the steps of the build: which are already in the store, and what needs each of them. Nothing is built.",
  arguments: [],
  flags: buildFlags,
  examples: [
    ["edgeimg plan --board rpi4 --engine ncnn", "settings and steps"],
    ["edgeimg plan --json", "the same for a program"],
  ],
  run: async ({ api, context, flags, output }) => {
    const { planImage } = api;
    const result = await planImage(context, buildOptions(flags));
    await output.result({ command: "plan", ...result }, planText(result, output.verbose));
    return 0;
  },
};

export function planText(result: PlanResult, verbose: boolean): string {
  const settings = result.settings.map((one) => [`  ${one.key}`, shown(one.value, verbose), originText(one.origin)]);
  const steps = result.steps.map((step) => [step.cached ? "  store" : "  run", step.title, step.why]);
  const cached = result.steps.filter((step) => step.cached).length;
  const summary = `${result.steps.length} steps, ${cached} of them in the store`;
  return `Settings\n${table(settings)}\nSteps for ${result.board} with ${result.engine}\n${table(steps)}\n${summary}\n`;
}

function shown(value: unknown, verbose: boolean): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 && !verbose ? `${text.slice(0, 57)}...` : text;
}
