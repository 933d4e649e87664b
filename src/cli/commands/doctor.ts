import type { CommandSpec } from "../command.js";
import { paint } from "../render/paint.js";

export const doctor: CommandSpec = {
  name: "doctor",
  summary: "say what this machine lacks, and the command that cures it",
  description:
    "Looks at everything that a build needs of the machine. Exit code 0 when nothing is missing, 2 otherwise.",
  arguments: [],
  flags: [],
  examples: [["edgeimg doctor", "before the first build"]],
  run: async ({ api, context, output, terminal }) => {
    const style = paint(terminal.color);
    const checks = await api.doctor(context);
    const lines = checks.flatMap((check) => [
      `${check.ok ? style.green("ok     ") : style.red("missing")}  ${check.name}: ${check.found}`,
      ...(check.ok || check.cure === undefined ? [] : [`         cure: ${style.bold(check.cure)}`]),
    ]);
    const healthy = checks.every((check) => check.ok);
    lines.push(
      healthy ? "Nothing is missing." : `${checks.filter((check) => !check.ok).length} of ${checks.length} missing.`,
    );
    await output.result({ command: "doctor", healthy, checks }, `${lines.join("\n")}\n`);
    return healthy ? 0 : 2;
  },
};
