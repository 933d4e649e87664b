import { relative } from "node:path";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { quantizeText } from "../render/quantize.js";

export const quantize: CommandSpec = {
  name: "quantize",
  summary: "quantize the project's models, and tell what each loses",
  description:
    "Makes 8-bit models of those that have `quantize` in edgeimg.yaml, as a build does, runs them and the ones in floating point on this machine with the calibration inputs, and tells size, loss and the layers that lose most. Writes the ONNX files and quantize.json below the output folder. docs/quantization.md says what each figure means.",
  arguments: [{ name: "model", required: false, help: "one model (default: all that are to be quantized)" }],
  flags: [
    ...buildFlags.filter(({ name }) => name !== "engine" && name !== "board"),
    { name: "try", value: "what", help: "all: compare every method, besides the project's own", choices: ["all"] },
  ],
  examples: [
    ["edgeimg quantize", "the models as the project says"],
    ["edgeimg quantize det --try all", "one of them in every way that there is"],
  ],
  fillsStore: true,
  run: async ({ api, context, arguments: [model], flags, output }) => {
    const options = { ...buildOptions(flags), model, tryAll: flags.text("try") === "all" };
    const result = await api.quantizeModels(context, options);
    const files = result.files.map((file) => relative(context.cwd, file));
    await output.result({ command: "quantize", ...result }, quantizeText(result.report, files));
    return 0;
  },
};
