import { relative } from "node:path";
import type { CommandSpec } from "../command.js";

export const init: CommandSpec = {
  name: "init",
  summary: "start a project",
  description:
    "Writes a project into DIR: an edgeimg.yaml that editors check while you type, an example app in typed TypeScript, and unit tests that `npm test` runs.",
  arguments: [
    { name: "dir", required: false, help: "a new or empty folder (default: this one)", complete: "directories" },
  ],
  flags: [
    { name: "example", value: "name", help: "what the app is at first, from the list below", complete: "examples" },
    {
      name: "lock",
      help: "also pin every package, source and model in edgeimg.lock now, which the first build does else",
    },
  ],
  examples: [
    ["edgeimg init my-reader", "then: cd my-reader && edgeimg build"],
    ["edgeimg init door --example detector", "an app that finds faces"],
    ["edgeimg init my-reader --lock", "and ask apt and the registries for its packages"],
  ],
  more: async (api) => {
    const examples = await api.listExamples();
    const width = Math.max(...examples.map(({ name }) => name.length));
    const lines = examples.map(
      ({ name, summary }, index) => `  ${name.padEnd(width)}  ${summary}${index === 0 ? " (default)" : ""}\n`,
    );
    return `\nWhat --example names:\n${lines.join("")}`;
  },
  run: async ({ api, arguments: [directory = "."], context, flags, output }) => {
    const { initProject, updateLock } = api;
    const result = await initProject(context, { directory, example: flags.text("example") });
    const { directory: cwd } = result;
    const lock = flags.on("lock")
      ? await updateLock({ ...context, cwd }, { offline: false, locked: false, update: true })
      : undefined;
    const shown = relative(context.cwd, result.directory) || ".";
    const enter = shown === "." ? "" : `  cd ${shown}\n`;
    const pinned = lock === undefined ? "" : `${lock.file} pins ${lock.entries} packages, sources and models\n`;
    const text = `${result.files.length} files written to ${shown}, from the example ${result.example}\n${pinned}\nNext:\n${enter}  edgeimg build    (board and engine stand in edgeimg.yaml)\n  edgeimg run\n`;
    await output.result({ command: "init", ...result, lock }, text);
    return 0;
  },
};
