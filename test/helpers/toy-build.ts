import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { writeTar } from "../../src/formats/tar-writer.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { bundleChild, type Child, startChild } from "./child.js";
import { fileServer, withRanges } from "./file-server.js";
import { toyFiles, writeToyTools } from "./toy-plan.js";

const sourceFiles = Array.from({ length: 60 }, (_, index) => ({
  type: "file" as const,
  path: `source-1.0/file${index}`,
  mode: 0o644,
  data: Buffer.from(`content ${index}\n`.repeat(index * 20)),
}));
const archive = Buffer.concat([...writeTar(sourceFiles, 0)]);

export interface ToyBuild {
  /** A folder of the test's own. */
  readonly root: string;
  /** Starts a build in a process of its own; `cache` is the name of a folder in `root`. */
  readonly build: (cache: string, env?: Readonly<Record<string, string>>) => Child;
  /** Program and arguments of a build with its cache at an absolute path. */
  readonly command: (cache: string) => readonly string[];
}

/** Makes ready to build the toy plan from a registry on this machine. */
export async function toyBuild(t: Test): Promise<ToyBuild> {
  const root = t.testdir({ tools: {} });
  const script = await bundleChild(new URL("../execute/build-toy.ts", import.meta.url), root);
  const server = await fileServer(t, (request, response, count) => {
    const name = (request.url ?? "").slice(1);
    const bytes = name === "archive.tar" ? archive : Buffer.from(toyFiles[name] ?? "");
    withRanges(bytes)(request, response, count);
  });
  const tools = writeToyTools(join(root, "tools"));
  const args = (cache: string) => [cache, server.url, tools, sha256Text(archive)];
  const build = (cache: string, env?: Readonly<Record<string, string>>) => {
    mkdirSync(join(root, cache), { recursive: true });
    return startChild(script, args(join(root, cache)), env);
  };
  return { root, build, command: (cache) => [process.execPath, script, ...args(cache)] };
}

/** The line with the image's digest. */
export const imageOf = (lines: readonly string[]): string | undefined =>
  lines.find((line) => line.startsWith("image "));
