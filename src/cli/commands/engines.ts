import type { CommandSpec } from "../command.js";
import { table } from "../render/words.js";

export const engines: CommandSpec = {
  name: "engines",
  summary: "list the inference engines",
  description: "Lists the engines that an image can hold. Each is one folder; docs/engines.md says how to add one.",
  arguments: [],
  flags: [],
  examples: [["edgeimg engines", "names for --engine"]],
  run: async ({ api, context, output }) => {
    const { listEngines } = api;
    const list = await listEngines(context);
    const rows = list.map((one) => [one.name, one.version, one.license, one.arch.join(" "), one.title]);
    await output.result({ command: "engines", engines: list }, table(rows));
    return 0;
  },
};
