import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Bundles a TypeScript program of the tests to one file that plain node starts at once. `folder` must lie within the project, so that
 * packages are found.
 */
export async function bundleChild(entry: URL, folder: string): Promise<string> {
  const outfile = `${folder}/${fileURLToPath(entry).split("/").at(-1)}.mjs`;
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    // Packages are taken in: node starts such a program twice as fast.
    external: ["esbuild", "typescript"],
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; var require = makeRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  return outfile;
}

export interface Child {
  readonly process: ChildProcess;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Lines that it printed up to now. */
  readonly lines: string[];
  /** Waits until it prints a line that matches. */
  readonly printed: (pattern: RegExp) => Promise<string>;
}

/** Starts a bundled program with few variables in its environment, under another program if one is named. */
export function startChild(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  under: readonly string[] = [],
): Child {
  const [program = "", ...words] = [...under, process.execPath, script, ...args];
  const child = spawn(program, words, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const ended = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(signal ?? code ?? -1));
  });
  const printed = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((line) => pattern.test(line));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void ended.then((how) =>
        reject(new Error(`ended (${how}) before ${pattern}: ${[...lines, ...errors].join("\n")}`)),
      );
    });
  return { process: child, ended, lines, printed };
}
