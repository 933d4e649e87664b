import type { EngineInfo, EngineProof } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { facts, oneOf } from "../render/facts.js";
import { bytesText, narrowTable } from "../render/words.js";

export const engines: CommandSpec = {
  name: "engines",
  summary: "list the inference engines, or tell all of one",
  description:
    "Lists the engines that an image can hold: licence, boards, the format that each reads, what it adds to an image, and where tests have run it. With a name, tells all that is known of one. Each is one folder; docs/engines.md says how to add one.",
  arguments: [{ name: "name", required: false, help: "one engine, in full" }],
  flags: [],
  examples: [
    ["edgeimg engines", "names for --engine"],
    ["edgeimg engines ncnn", "all of one engine"],
  ],
  run: async ({ api, arguments: [name], context, output }) => {
    const { listBoards, listEngines } = api;
    const list = await listEngines(context);
    if (name !== undefined) {
      const engine = oneOf("engine", name, list);
      await output.result({ command: "engines", engines: [engine] }, engineText(engine));
      return 0;
    }
    const boards = (await listBoards(context)).length;
    const head = ["engine", "version", "licence", "boards", "reads", "MB", "proven"];
    const rows = list.map((one) => [
      ...[one.name, one.version, one.license, boardsText(one, boards), one.accepts.join(", ")],
      ...[sizeText(one), provenText(one)],
    ]);
    await output.result({ command: "engines", engines: list }, narrowTable([head, ...rows]));
    return 0;
  },
};

/** All of them, or which. */
function boardsText({ boards }: EngineInfo, all: number): string {
  return boards.length === all ? "all" : boards.length === 0 ? "none" : boards.join(", ");
}

/** The smallest and the largest of the cores. */
function sizeText({ size }: EngineInfo): string {
  const texts = Object.values(size)
    .sort((a, b) => a - b)
    .map((bytes) => (bytes / 1e6).toFixed(1));
  return [...new Set([texts.at(0), texts.at(-1)])].join(" to ");
}

/** The boards that booted it, or the weaker word. */
function provenText({ proven }: EngineInfo): string {
  const boards = proven.flatMap((one) => (one.how === "booted" ? [one.board] : []));
  if (boards.length > 0) return `booted: ${[...new Set(boards)].join(", ")}`;
  return proven.length > 0 ? "models run, emulated" : "not verified";
}

function proofText(proof: EngineProof): string {
  return proof.how === "booted"
    ? `example ${proof.example} booted on ${proof.board} (emulated)`
    : `models run on an emulated ${proof.cpu} (${proof.test})`;
}

function pathText({ accepts, converters }: EngineInfo): string {
  if (converters === undefined) return "nothing makes what it reads of ONNX";
  return converters.length === 0 ? "ONNX as it is" : `ONNX, ${[...converters, accepts[0]].join(", ")}`;
}

const several = (label: string, texts: readonly string[]) => texts.map((text): [string, string] => [label, text]);

function engineText(engine: EngineInfo): string {
  const { types, buildroot, licensePackage } = engine;
  const rows: readonly (readonly [string, string])[] = [
    ["homepage", engine.homepage ?? ""],
    ["licence", engine.license],
    ...engine.licenseTexts.flatMap(({ path, sha256, from }) => [
      ...several("licence text", [`${path} of ${from}`, sha256]),
    ]),
    ["licence text", licensePackage === undefined ? "" : `copyright file of the Debian package ${licensePackage}`],
    ...engine.sources.flatMap(({ purl, file, sha256, size }) =>
      several("source", [
        [purl, file, ...(size === undefined ? [] : [bytesText(size)])].join(", "),
        sha256 ?? "supplied by you",
      ]),
    ),
    ["source", engine.sources.length === 0 ? "its recipe's folder" : ""],
    ["built by", engine.build],
    ["packages", engine.packages.join(", ")],
    ["reads", engine.accepts.join(", ")],
    ["models", pathText(engine)],
    ["takes", types?.takes.join(", ") ?? ""],
    ["gives", types?.gives.join(", ") ?? ""],
    ["tolerance", String(engine.tolerance)],
    ["runs on", engine.arch.join(", ")],
    ["needs", engine.accelerators.join(", ")],
    ["boards", engine.boards.length === 0 ? "none that edgeimg brings" : engine.boards.join(", ")],
    ["run --host", engine.hosts.join(", ")],
    ...several(
      "asks core",
      engine.dispatched.map(({ files, extensions }) => `${files.join(", ")}: ${extensions.join(", ")}`),
    ),
    ["Buildroot", buildroot === undefined ? "" : [buildroot.package, ...buildroot.depends].join(", ")],
    ...several(
      "adds",
      Object.entries(engine.size).map(([cpu, bytes]) => `${bytes} bytes to an image for ${cpu}, uncompressed`),
    ),
    ...several("proven", engine.proven.length > 0 ? engine.proven.map(proofText) : ["not verified"]),
    ["not tried", engine.notVerified ?? ""],
    ...several("note", engine.notes),
  ];
  return facts(`${engine.name}: ${engine.title} ${engine.version}`, rows, 80);
}
