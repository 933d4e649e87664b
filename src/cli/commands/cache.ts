import type { CacheArchiveResult } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { bytesText, table } from "../render/words.js";

export const cache: CommandSpec = {
  name: "cache",
  summary: "list, measure, clean, verify or move the store",
  description:
    "The store holds every download and every step's result, by content, in $XDG_CACHE_HOME/edgeimg (default ~/.cache/edgeimg). It may be deleted at any time; a build then only takes longer. `export` writes what the project's boards and engines need into one file, every download of the lock and what has been compiled; `import` takes it in on a machine without a network, where `build --offline --locked` then works.",
  arguments: [
    {
      name: "action",
      required: true,
      help: "what to do",
      choices: ["list", "size", "prune", "verify", "export", "import"],
    },
    { name: "file", required: false, help: "export, import: the archive", complete: "files" },
  ],
  flags: [
    ...buildFlags.filter((flag) => flag.name !== "out"),
    {
      name: "older-than",
      value: "days",
      help: "prune: remove what was not used for this long (default: 30)",
      number: { min: 0, max: 36500 },
    },
  ],
  examples: [
    ["edgeimg cache size", "how much it holds"],
    ["edgeimg cache prune --older-than 7", "keep the last week's"],
    ["edgeimg cache verify", "read everything, remove what is damaged"],
    ["edgeimg cache export site.tar", "what this project needs, for a machine without a network"],
    ["edgeimg cache import site.tar", "there; then: edgeimg build --offline --locked"],
  ],
  run: async ({ api, arguments: [action = "", file], context, flags, output }) => {
    if (action === "export" || action === "import") {
      if (file === undefined)
        throw new EdgeimgError("ERR_EDGEIMG_USAGE", `cache ${action} needs the name of a file.`, {
          hint: `edgeimg cache ${action} site.tar`,
        });
      const { cacheExport, cacheImport } = api;
      const result =
        action === "export"
          ? await cacheExport(context, { ...buildOptions(flags), file })
          : await cacheImport(context, { file });
      await output.result({ command: `cache ${action}`, ...result }, archiveText(action, result));
      return 0;
    }
    if (file !== undefined)
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", `cache ${action} takes no file.`, {
        hint: `edgeimg cache ${action}`,
      });
    const { cacheInfo, cachePrune, cacheVerify } = api;
    if (action === "prune") {
      const result = await cachePrune(context, { olderThanDays: flags.number("older-than") ?? 30 });
      await output.result(
        { command: "cache prune", ...result },
        `removed ${result.removed} entries, ${bytesText(result.bytes)}\n`,
      );
      return 0;
    }
    if (action === "verify") {
      const result = await cacheVerify(context);
      const damaged = result.damaged.map((one) => `damaged, removed: ${one}\n`).join("");
      const text = `${damaged}${result.checked} objects read, ${result.damaged.length} damaged\n`;
      await output.result({ command: "cache verify", ...result }, text);
      return result.damaged.length === 0 ? 0 : 3;
    }
    const info = await cacheInfo(context);
    const sizes = { path: info.path, bytes: info.bytes, objects: info.objects };
    if (action === "size") {
      await output.result(
        { command: "cache size", ...sizes },
        `${info.path}\n${bytesText(info.bytes)} in ${info.objects} objects\n`,
      );
      return 0;
    }
    const day = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);
    const rows = info.entries.map((entry) => [
      day(entry.usedAt),
      bytesText(entry.bytes).padStart(8),
      entry.digest.slice(0, 12),
      entry.title,
    ]);
    await output.result({ command: "cache list", ...info }, table(rows));
    return 0;
  },
};

function archiveText(action: "export" | "import", result: CacheArchiveResult): string {
  const verb = action === "export" ? "written to" : "taken from";
  const parts = `${result.blobs} downloads, ${result.trees} results, ${result.actions} finished steps`;
  return `${bytesText(result.bytes)} in ${result.objects} objects ${verb} ${result.file} (${parts})\n`;
}
