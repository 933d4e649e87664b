import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageHome } from "../../ground/home.js";
import type { CommandSpec } from "../command.js";

/** The version in package.json, beside which dist/ and src/ lie. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(join(packageHome, "package.json"), "utf8");
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "unknown";
}

export const version: CommandSpec = {
  name: "version",
  summary: "print the version",
  description: "Prints the version of edgeimg and of Node.",
  arguments: [],
  flags: [],
  examples: [["edgeimg version", "edgeimg and Node"]],
  run: async ({ output }) => {
    const own = await packageVersion();
    await output.result(
      { command: "version", edgeimg: own, node: process.versions.node },
      `edgeimg ${own}, Node ${process.versions.node}\n`,
    );
    return 0;
  },
};
