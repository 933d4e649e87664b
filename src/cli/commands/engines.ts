import type { EngineInfo } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { facts, oneOf } from "../render/facts.js";
import { table } from "../render/words.js";

export const engines: CommandSpec = {
  name: "engines",
  summary: "list the inference engines, or tell all of one",
  description:
    "Lists the engines that an image can hold; with a name, tells all that is known of one. Each is one folder; docs/engines.md says how to add one.",
  arguments: [{ name: "name", required: false, help: "one engine, in full" }],
  flags: [],
  examples: [
    ["edgeimg engines", "names for --engine"],
    ["edgeimg engines ncnn", "all of one engine"],
  ],
  run: async ({ api, arguments: [name], context, output }) => {
    const { listEngines } = api;
    const list = await listEngines(context);
    if (name !== undefined) {
      const engine = oneOf("engine", name, list);
      await output.result({ command: "engines", engines: [engine] }, engineText(engine));
      return 0;
    }
    const rows = list.map((one) => [one.name, one.version, one.license, one.arch.join(" "), one.title]);
    await output.result({ command: "engines", engines: list }, table(rows));
    return 0;
  },
};

function engineText(engine: EngineInfo): string {
  const { licenseFiles, licensePackage } = engine;
  return facts(`${engine.name}: ${engine.title} ${engine.version}`, [
    ["homepage", engine.homepage],
    ["licence", engine.license],
    ["licence text", licenseFiles.length > 0 ? `${licenseFiles.join(", ")} in its source` : ""],
    ["licence text", licensePackage === undefined ? "" : `copyright file of the Debian package ${licensePackage}`],
    ["reads", engine.accepts.join(", ")],
    ["runs on", engine.arch.join(", ")],
    ...engine.notes.map((note): [string, string] => ["note", note]),
  ]);
}
