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
  ],
  examples: [
    ["edgeimg bench", "all engines that read the project's models"],
    ["edgeimg bench --board qemu-a72 --engines ncnn,mnn", "two of them"],
  ],
  fillsStore: true,
  run: async ({ api, context, flags, output }) => {
    const { benchEngines } = api;
    const engines = (flags.text("engines") ?? "").split(",").filter((name) => name !== "");
    const result = await benchEngines(context, { ...buildOptions(flags), engine: undefined, engines });
    const files = result.files.map((file) => relative(context.cwd, file));
    await output.result({ command: "bench", ...result }, benchText(result.report, files));
    return 0;
  },
};
