import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";

export const diff: CommandSpec = {
  name: "diff",
  summary: "compare two images: packages, files, sizes, engine, models",
  description:
    "Compares two images by their manifests. Each is given as a manifest.json, or as the folder of the results that it lies in.",
  arguments: [
    { name: "old", required: true, help: "manifest.json, or its folder", complete: "files" },
    { name: "new", required: true, help: "manifest.json, or its folder", complete: "files" },
  ],
  flags: [
    {
      name: "format",
      value: "name",
      help: "text, markdown (for the comment of a pull request) or json (default: text)",
      choices: ["text", "markdown", "json"],
    },
  ],
  examples: [
    ["edgeimg diff last/rpi4-ncnn out/rpi4-ncnn", "what a change did to the image"],
    ["edgeimg diff --format markdown old.json new.json", "the same for a pull request"],
  ],
  run: async ({ api, arguments: [old, next], context, flags, output }) => {
    if (old === undefined || next === undefined) throw new EdgeimgError("ERR_EDGEIMG_USAGE", "name two images");
    const { diffResults } = api;
    const found = await diffResults(context, { old, new: next });
    const format = flags.text("format") ?? "text";
    const { diffMarkdown, diffText } = await import("../render/diff.js");
    const text =
      format === "json"
        ? `${JSON.stringify(found, null, 2)}\n`
        : format === "markdown"
          ? diffMarkdown(found)
          : diffText(found, { all: output.verbose });
    await output.result({ command: "diff", ...found }, text);
    return 0;
  },
};
