import type { CommandSpec } from "../command.js";
import { table } from "../render/words.js";

export const boards: CommandSpec = {
  name: "boards",
  summary: "list the boards",
  description:
    "Lists the boards that images can be built for. Each is one YAML file; docs/boards.md says how to add one.",
  arguments: [],
  flags: [],
  examples: [["edgeimg boards", "names for --board"]],
  run: async ({ api, context, output }) => {
    const { listBoards } = api;
    const list = await listBoards(context);
    await output.result(
      { command: "boards", boards: list },
      table(list.map((one) => [one.name, one.title, `${one.arch}, ${one.cpu}`])),
    );
    return 0;
  },
};
