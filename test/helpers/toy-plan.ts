import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Text } from "../../src/ground/canonical.js";
import type { Plan } from "../../src/plan/step.js";
import { testPlan } from "./services.js";

/** Shell scripts in the place of a toolchain; the shell's own commands only, since a step has no PATH of the host. */
const tools: Readonly<Record<string, string>> = {
  // Makes parts one after another and remembers what it has finished, as ninja does.
  build: `#!/bin/sh
set -e
i=1
while [ $i -le 6 ]; do
  if [ ! -e build/done$i ]; then
    : > build/part$i
    n=0
    while [ $n -lt 150 ]; do echo "part $i line $n" >> build/part$i; n=$((n + 1)); done
    : > build/done$i
  fi
  echo "[$i/6] part $i"
  i=$((i + 1))
done
`,
  // Refuses to begin in a folder that is not empty, as genimage does; writes in small pieces.
  pack: `#!/bin/sh
set -e
for f in tmp/*; do [ ! -e "$f" ] || { echo "tmp is not empty" >&2; exit 1; }; done
: > tmp/started
i=1
while [ $i -le 6 ]; do
  while read -r line; do echo "$line"; done < build/part$i >> out/all
  i=$((i + 1))
done
`,
};

export const toyFiles: Readonly<Record<string, string>> = { "a.txt": "a\n".repeat(20_000), "b.txt": "b\n".repeat(100) };

/** Writes the toy's tools into a folder of the user's. */
export function writeToyTools(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, script] of Object.entries(tools)) writeFileSync(join(folder, name), script, { mode: 0o755 });
  return folder;
}

/** A small build of every important kind: fetch, unpack, run in several commands, assemble. */
export function toyPlan(options: {
  readonly tools: string;
  readonly archive: { readonly name: string; readonly sha256: string };
}): Plan {
  const { archive } = options;
  const file = (name: string) => ({ purl: `pkg:generic/${name}@1`, name, sha256: sha256Text(toyFiles[name] ?? "") });
  return testPlan([
    { id: "tools", kind: "local", params: { path: options.tools } },
    { id: "texts", kind: "fetch", params: { files: Object.keys(toyFiles).map(file) } },
    { id: "archive", kind: "fetch", params: { files: [{ purl: "pkg:generic/archive@1", ...archive }] } },
    { id: "source", kind: "unpack", inputs: { archive: "archive" }, params: { strip: 1 } },
    {
      id: "built",
      kind: "run",
      inputs: { tools: "tools", source: "source" },
      params: { copies: { source: "src" }, folders: ["build"], commands: [["in/tools/build"], ["in/tools/pack"]] },
    },
    {
      id: "image",
      kind: "assemble",
      inputs: { built: "built", texts: "texts", source: "source" },
      params: {
        format: "tar",
        entries: [
          { type: "file", path: "all", mode: 0o644, from: { input: "built", path: "all" } },
          { type: "tree", path: "texts", from: { input: "texts", path: "" } },
          { type: "tree", path: "source", from: { input: "source", path: "" } },
        ],
      },
    },
  ]);
}
