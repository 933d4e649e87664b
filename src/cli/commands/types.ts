import { relative } from "node:path";
import type { TypesResult } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";

export const types: CommandSpec = {
  name: "types",
  summary: "write the types and the schema that editors check with",
  description:
    "Writes, for editors, what a build checks with: types/edge.d.ts (what the device offers), types/models.d.ts (names, inputs and element types of the project's models, read from their files) and .edgeimg/project.schema.json (the keys of edgeimg.yaml). Run it after an upgrade of edgeimg and after a change of models; no image is built.",
  arguments: [],
  flags: buildFlags.filter(({ name }) => name !== "out"),
  examples: [
    ["edgeimg types", "after an upgrade, or a change of models"],
    ["edgeimg types --offline --locked", "from the store and the lock alone"],
  ],
  run: async ({ api, context, flags, output }) => {
    const { writeTypes } = api;
    const result = await writeTypes(context, buildOptions(flags));
    await output.result({ command: "types", ...result }, typesText(result, relative(context.cwd, result.folder)));
    return 0;
  },
};

export function typesText({ files, written, unread }: TypesResult, folder: string): string {
  const where = folder === "" ? "" : `${folder}/`;
  const rows = files.map((file) => `${where}${file}: ${written.includes(file) ? "written" : "unchanged"}\n`);
  const more = unread.map(({ file, line }) => `Editors do not read it yet. Put into ${where}${file}: ${line}\n`);
  return [...rows, ...more].join("");
}
