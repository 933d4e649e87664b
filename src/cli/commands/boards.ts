import type { BoardInfo } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { facts, oneOf } from "../render/facts.js";
import { table } from "../render/words.js";

export const boards: CommandSpec = {
  name: "boards",
  summary: "list the boards, or tell all of one",
  description:
    "Lists the boards that images can be built for; with a name, tells all that is known of one. Each is one YAML file; docs/boards.md says how to add one.",
  arguments: [{ name: "name", required: false, help: "one board, in full" }],
  flags: [],
  examples: [
    ["edgeimg boards", "names for --board"],
    ["edgeimg boards rpi4", "all of one board"],
  ],
  run: async ({ api, arguments: [name], context, output }) => {
    const { listBoards } = api;
    const list = await listBoards(context);
    if (name !== undefined) {
      const board = oneOf("board", name, list);
      await output.result({ command: "boards", boards: [board] }, boardText(board));
      return 0;
    }
    await output.result(
      { command: "boards", boards: list },
      table(list.map((one) => [one.name, one.title, `${one.arch}, ${one.cpu}`])),
    );
    return 0;
  },
};

function boardText({ name, title, arch, cpu, lacks, notes, missing }: BoardInfo): string {
  return facts(`${name}: ${title}`, [
    ["architecture", `${arch}, ${cpu}`],
    ["lacks", lacks.join(", ")],
    ["no image", missing ?? ""],
    ...notes.map((note): [string, string] => ["note", note]),
  ]);
}
