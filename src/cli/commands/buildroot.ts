import { relative } from "node:path";
import type { BuildrootCheckResult, BuildrootResult } from "../../api/types.js";
import type { CommandSpec } from "../command.js";
import { buildFlags, buildOptions } from "../flags.js";
import { durationText, table } from "../render/words.js";

export const buildroot: CommandSpec = {
  name: "buildroot",
  summary: "write a tree for Buildroot, or check one against a release",
  description:
    "Writes a Buildroot external tree (BR2_EXTERNAL) from the same boards, recipes, project and app as `edgeimg build`: defconfigs, board files, packages, hashes. App and models are made and checked first. `edgeimg buildroot check` loads every defconfig with Buildroot's own configuration and runs its checks.",
  arguments: [{ name: "action", required: false, help: "check instead of writing", choices: ["check"] }],
  flags: [
    ...buildFlags,
    { name: "matrix", help: "all boards and engines, where no flag names some (several: --board a,b)" },
    {
      name: "buildroot",
      value: "dir",
      help: "an unpacked release of Buildroot; the tree is written for it",
      complete: "directories",
    },
    { name: "legal-info", help: "check: also run legal-info, which downloads every source" },
    { name: "series", value: "name", help: "the series of Buildroot when no folder is named (default: the newest)" },
  ],
  examples: [
    ["edgeimg buildroot --board rpi4 --engine ncnn --out tree", "a tree for one board"],
    ["edgeimg buildroot --matrix --series 2025.02", "all boards and engines, for the long-term release"],
    ["edgeimg buildroot check --buildroot ../buildroot-2026.05.1 --matrix", "does every option survive?"],
  ],
  run: async ({ api, arguments: [action], context, flags, output }) => {
    const { checkBuildroot, writeBuildrootTree } = api;
    const options = {
      ...buildOptions(flags),
      matrix: flags.on("matrix"),
      buildroot: flags.text("buildroot"),
      series: flags.text("series"),
    };
    if (action === "check") {
      const result = await checkBuildroot(context, { ...options, legalInfo: flags.on("legal-info") });
      await output.result({ command: "buildroot check", ...result }, checkText(result));
      return 0;
    }
    const result = await writeBuildrootTree(context, options);
    await output.result({ command: "buildroot", ...result }, treeText(result, context.cwd));
    return 0;
  },
};

/** Boards down, engines across: how many lines of each defconfig were checked. */
function checkText(result: BuildrootCheckResult): string {
  const engines = [...new Set(result.combinations.map((one) => one.engine))];
  const rows = [...new Set(result.combinations.map((one) => one.board))].map((board) => [
    `  ${board}`,
    ...engines.map((engine) => {
      const found = result.combinations.find((one) => one.board === board && one.engine === engine);
      return found === undefined ? "" : `${found.lines} lines, ${found.sources} sources`;
    }),
  ]);
  return [
    `\nBuildroot ${result.release} (series ${result.series}): every line survives, in ${durationText(result.ms)}\n\n`,
    table([["  board", ...engines], ...rows]),
    `\ncheck-package: ${result.style}\n`,
    result.legal === undefined ? "" : `legal-info: ${result.legal}\n`,
  ].join("");
}

function treeText(result: BuildrootResult, cwd: string): string {
  const folder = relative(cwd, result.folder) || ".";
  const lines = [
    `\n${folder}: ${result.files} files for Buildroot ${result.series}, ${result.written} of them new or changed, in ${durationText(result.ms)}\n`,
    ...result.kept.map((path) => `kept, as it is yours: ${path}\n`),
    ...result.removed.map((path) => `removed, no longer part of the tree: ${path}\n`),
    `\nBuild it:    see ${folder}/README.md\n`,
  ];
  return lines.join("");
}
