import { relative } from "node:path";
import type { CommandSpec } from "../command.js";

export const init: CommandSpec = {
  name: "init",
  summary: "start a project",
  description:
    "Writes a project into DIR: an edgeimg.yaml that editors check while you type, an example app (reading text from pictures, unless --example names another) in typed TypeScript, and unit tests that `npm test` runs.",
  arguments: [
    { name: "dir", required: false, help: "a new or empty folder (default: this one)", complete: "directories" },
  ],
  flags: [
    {
      name: "example",
      value: "name",
      help: "what the app is at first (default: read-text)",
      choices: ["read-text", "kernels-tour"],
    },
  ],
  examples: [
    ["edgeimg init my-reader", "then: cd my-reader && edgeimg build"],
    ["edgeimg init tour --example kernels-tour", "an app that tries the quantized kernels"],
  ],
  run: async ({ api, arguments: [directory = "."], context, flags, output }) => {
    const { initProject } = api;
    const result = await initProject(context, { directory, example: flags.text("example") });
    const shown = relative(context.cwd, result.directory) || ".";
    const enter = shown === "." ? "" : `  cd ${shown}\n`;
    const text = `${result.files.length} files written to ${shown}\n\nNext:\n${enter}  edgeimg build    (board and engine stand in edgeimg.yaml)\n  edgeimg run\n`;
    await output.result({ command: "init", ...result }, text);
    return 0;
  },
};
