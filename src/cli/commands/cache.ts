import type { CommandSpec } from "../command.js";
import { bytesText, table } from "../render/words.js";

export const cache: CommandSpec = {
  name: "cache",
  summary: "list, measure, clean or verify the store",
  description:
    "The store holds every download and every step's result, by content, in $XDG_CACHE_HOME/edgeimg (default ~/.cache/edgeimg). It may be deleted at any time; a build then only takes longer.",
  arguments: [{ name: "action", required: true, help: "what to do", choices: ["list", "size", "prune", "verify"] }],
  flags: [
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
  ],
  run: async ({ api, arguments: [action = ""], context, flags, output }) => {
    const { cacheInfo, cachePrune, cacheVerify } = await api();
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
