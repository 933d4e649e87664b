import type { NewEngineKind } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";

const kinds: readonly NewEngineKind[] = ["compile", "cmake", "prebuilt", "packages"];

export const newThing: CommandSpec = {
  name: "new",
  summary: "begin an engine of your own",
  description:
    "`new engine NAME` writes recipes/engines/NAME, recipes/converters/NAME and models/NAME.onnx into the project: a small engine that builds and runs that model as it is, and says in its comments what to replace. docs/engines.md goes through it.",
  arguments: [
    { name: "what", required: true, help: "what to begin", choices: ["engine"] },
    { name: "name", required: true, help: "its name: lower-case letters, digits and inner dashes" },
  ],
  flags: [
    { name: "config", short: "c", value: "file", help: "the project (default: edgeimg.yaml)", complete: "files" },
    {
      name: "kind",
      value: "kind",
      help: "how its library is made: compile (default), cmake, prebuilt, packages",
      choices: kinds,
    },
  ],
  examples: [
    ["edgeimg new engine my-engine", "C files of the recipe's folder, in one command"],
    ["edgeimg new engine my-engine --kind packages", "an engine that is in Debian"],
  ],
  run: async ({ api, arguments: [what, name], context, flags, output }) => {
    if (what !== "engine" || name === undefined)
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "`edgeimg new` begins an engine.", {
        hint: "edgeimg new engine my-engine",
      });
    const kind = kinds.find((one) => one === flags.text("kind")) ?? "compile";
    const result = await api.newEngine(context, { configFile: flags.text("config"), name, kind });
    const config = flags.text("config");
    const project = config === undefined ? "" : ` -c ${config}`;
    const text = `${result.files.map((file) => `written  ${file}\n`).join("")}
Next, under \`models\` of ${config ?? "edgeimg.yaml"}:
  ${name}: { onnx: ${result.model} }
and then:
  edgeimg build${project} --engine ${name} --only model-check/${name}
  edgeimg build${project} --engine ${name}    (models that it does not know are refused by name)
`;
    await output.result({ command: "new engine", ...result }, text);
    return 0;
  },
};
