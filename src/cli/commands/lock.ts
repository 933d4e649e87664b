import type { LockResult } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { table } from "../render/words.js";

export const lock: CommandSpec = {
  name: "lock",
  summary: "check edgeimg.lock, or move it to the newest versions",
  description:
    "edgeimg.lock names every package, source, model and converter with its version and hash. Without a flag, checks that it covers the project; with --update, resolves everything anew and writes it.",
  arguments: [],
  flags: [
    ...buildFlags.filter((flag) => !["out", "locked"].includes(flag.name)),
    { name: "update", help: "resolve anew and write the file" },
  ],
  examples: [
    ["edgeimg lock", "is it complete?"],
    ["edgeimg lock --update", "newest versions; review the difference and commit it"],
  ],
  run: async ({ api, context, flags, output }) => {
    const { updateLock } = api;
    const update = flags.on("update");
    const result = await updateLock(context, { ...buildOptions(flags), update });
    await output.result({ command: "lock", ...result }, lockText(result, update));
    return 0;
  },
};

export function lockText(result: LockResult, update: boolean): string {
  const rows = result.changes.map((change) => [
    `  ${change.name}`,
    change.from ?? "(new)",
    "->",
    change.to ?? "(gone)",
  ]);
  const verb = update ? "written" : "complete";
  return `${table(rows)}${result.file} is ${verb}: ${result.entries} entries, ${result.changes.length} changed\n`;
}
