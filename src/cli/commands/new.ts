import type { NewEngineKind } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";

const kinds: readonly NewEngineKind[] = ["compile", "cmake", "prebuilt", "packages"];

export const newThing: CommandSpec = {
  name: "new",
  summary: "begin a board or an engine of your own",
  description:
    "`new board NAME` writes board-configs/NAME.yaml into the project: the file of another board, for you to change (docs/boards.md). `new engine NAME` writes recipes/engines/NAME, recipes/converters/NAME and models/NAME.onnx into the project: a small engine that builds and runs that model as it is, and says in its comments what to replace. docs/engines.md goes through it.",
  arguments: [
    { name: "what", required: true, help: "what to begin", choices: ["board", "engine"] },
    { name: "name", required: true, help: "its name: lower-case letters, digits and inner dashes" },
  ],
  flags: [
    { name: "config", short: "c", value: "file", help: "the project (default: edgeimg.yaml)", complete: "files" },
    { name: "from", value: "board", help: "board: the nearest relative (default: the project's)", complete: "boards" },
    {
      name: "kind",
      value: "kind",
      help: "engine: how its library is made: compile (default), cmake, prebuilt, packages",
      choices: kinds,
    },
  ],
  examples: [
    ["edgeimg new board my-board --from rockpro64", "a file to change"],
    ["edgeimg new engine my-engine", "C files of the recipe's folder, in one command"],
    ["edgeimg new engine my-engine --kind packages", "an engine that is in Debian"],
  ],
  run: async ({ api, arguments: [what, name], context, flags, output }) => {
    if (name === undefined || (what !== "engine" && what !== "board"))
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "`edgeimg new` begins a board or an engine.", {
        hint: "edgeimg new board my-board, or edgeimg new engine my-engine",
      });
    if (what === "board") {
      const made = await api.newBoard(context, { configFile: flags.text("config"), name, from: flags.text("from") });
      const said = made.files.map((file) => `written  ${file}, begun as ${made.from}\n`).join("");
      await output.result(
        { command: "new board", ...made },
        `${said}\nNext, change in it what differs, and then:\n  edgeimg boards ${name}\n  edgeimg build --board ${name}\n`,
      );
      return 0;
    }
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
