import { relative } from "node:path";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { benchText } from "../render/bench.js";

export const bench: CommandSpec = {
  name: "bench",
  summary: "compare engines on the project's models: size, memory, instructions, errors",
  description:
    "Builds the project with each engine as far as it takes to measure it, and compares them: bytes of the image and of the engine, memory, instructions executed in an emulator (exactly, but they are no time), errors against the reference. Writes bench.json, a chart (bench.svg) and a page (bench.html) below the output folder. docs/bench.md says what each figure means.",
  arguments: [],
  flags: [
    ...buildFlags.filter(({ name }) => name !== "engine"),
    {
      name: "engines",
      value: "names",
      help: "engines to compare, with commas between (default: all that read the models)",
    },
    { name: "ssh", value: "user@host", help: "a board on which runs are timed as well" },
    { name: "threads", value: "n", help: "what engines are given there (default: 1)", number: { min: 1, max: 64 } },
  ],
  examples: [
    ["edgeimg bench", "all engines that read the project's models"],
    ["edgeimg bench --board qemu-a72 --engines ncnn,mnn", "two of them"],
    ["edgeimg bench --ssh root@192.168.7.2", "timed on that board, too"],
  ],
  fillsStore: true,
  run: async ({ api, context, flags, output }) => {
    const { benchEngines } = api;
    const engines = (flags.text("engines") ?? "").split(",").filter((name) => name !== "");
    const board = { ssh: flags.text("ssh"), threads: flags.number("threads") };
    const result = await benchEngines(context, { ...buildOptions(flags), engine: undefined, engines, ...board });
    const files = result.files.map((file) => relative(context.cwd, file));
    await output.result({ command: "bench", ...result }, benchText(result.report, files));
    return 0;
  },
};
