import type { BoardInfo } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { facts, oneOf } from "../render/facts.js";
import { narrowTable } from "../render/words.js";

export const boards: CommandSpec = {
  name: "boards",
  summary: "list the boards, or tell all of one",
  description:
    "Lists the boards that images can be built for, with their builders and how far their images are proven; with a name, tells all that is known of one and where it comes from. Each is one YAML file; docs/boards.md says how to add one.",
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
    const rows = list.map((one) => [one.name, one.title, one.cpu, buildersText(one), one.proven?.level ?? "not said"]);
    await output.result(
      { command: "boards", boards: list },
      narrowTable([["board", "title", "core", "built by", "proven"], ...rows]),
    );
    return 0;
  },
};

/** `debian*`: with a file that the user brings. */
function buildersText({ builders, supplied }: BoardInfo): string {
  const marked = builders.map((one) => (one === "debian" && supplied.length > 0 ? `${one}*` : one));
  return marked.join(", ") || "none";
}

function boardText(board: BoardInfo): string {
  const { name, title, arch, cpu, lacks, notes, missing, proven, disk, boot, console } = board;
  return facts(
    `${name}: ${title}`,
    [
      ["architecture", `${arch}, ${cpu}`],
      ["lacks", lacks.join(", ")],
      ["built by", buildersText(board)],
      ["no Debian", missing ?? ""],
      ["proven", proven === undefined ? "not said" : `${proven.level}: ${proven.how}`],
      ["starts by", boot.kind],
      ["card", `${disk.table.toUpperCase()}, partitions from byte ${disk.start} on`],
      ...disk.raw.map((blob): [string, string] => ["card", rawText(blob, boot.packages)]),
      ...boot.dtbs.map((dtb): [string, string] => ["device trees", dtb]),
      ["port", `${console.device}, ${console.baud} baud`],
      ...Object.entries(board.facts).map(([topic, fact]): [string, string] => [
        topic,
        `${[fact.none ? "none" : fact.drivers.join(", "), fact.level].filter(Boolean).join("; ")}: ${fact.from}`,
      ]),
      ...board.supplied.map((text): [string, string] => ["from you", text]),
      ...notes.map((note): [string, string] => ["note", note]),
    ],
    80,
  );
}

function rawText(blob: BoardInfo["disk"]["raw"][number], packages: readonly string[]): string {
  const sources = [
    ...(blob.package === undefined ? [] : [`${blob.package} of ${packages.join(", ")}`]),
    ...(blob.supplied === undefined ? [] : ["a file of yours"]),
    ...(blob.buildroot === undefined ? [] : [`Buildroot's ${blob.buildroot}`]),
  ];
  return `${blob.name} at byte ${blob.offset}: ${sources.join("; ")}`;
}
