import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { commands } from "../../src/cli/commands/index.js";
import { outputFlags } from "../../src/cli/flags.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

/** Shell blocks of docs/development.md: each command is one that there is, and what it names is there. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(home, "docs/development.md"), "utf8");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, code = ""]) => code.trim().split("\n"))
  .map((line) => line.split(" ").filter((word) => !/^[A-Z_]+=/.test(word)));
const { scripts } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
const tests = readdirSync(join(home, "test"), { recursive: true, encoding: "utf8" }).map((file) => `test/${file}`);

/** Why a command is none; undefined when it is one. */
async function fault(words: readonly string[], folder: string): Promise<string | undefined> {
  const [program = "", first = "", ...rest] = words;
  switch (program) {
    case "npm":
      return first === "run" ? known(rest[0] ?? "", Object.keys(scripts)) : known(first, ["test", "ci"]);
    case "node":
    case "npx": {
      const files = words.filter((word) => word.includes("/") && word !== "test/run.mjs");
      const missing = files.filter((word) => !tests.some((file) => file.includes(word) && file.endsWith(".test.ts")));
      return missing.length > 0 ? `there is no test ${missing}` : undefined;
    }
    case "git":
      return existsSync(join(home, rest.at(-1) ?? "")) ? undefined : `there is no ${rest.at(-1)}`;
    case "edgeimg":
      return await edgeimgFault(first, rest, folder);
    default:
      return `${program} is no program that this test knows`;
  }
}

async function edgeimgFault(name: string, words: readonly string[], folder: string): Promise<string | undefined> {
  const command = commands.find((one) => one.name === name);
  if (command === undefined) return `there is no command ${name}`;
  const flags = [...command.flags, ...outputFlags].map((flag) => `--${flag.name}`);
  const wrong = words.filter((word) => word.startsWith("--")).flatMap((word) => known(word, flags) ?? []);
  if (wrong.length > 0) return wrong.join(", ");
  const after = (flag: string) => words[words.indexOf(flag) + 1] ?? "";
  const step = words.includes("--step") ? after("--step") : words.includes("--only") ? after("--only") : undefined;
  if (step === undefined) return undefined;
  const request = await requestFor(folder, { board: after("--board"), engine: after("--engine") });
  return known(
    step,
    planImage(request, inventedLock(request)).steps.map(({ id }) => id),
  );
}

function known(word: string, words: readonly string[]): string | undefined {
  return words.includes(word) ? undefined : `there is no ${word}`;
}

t.test("each command of docs/development.md is one, with flags, tests, files and steps that there are", async (t) => {
  t.ok(lines.length >= 14);
  const faults: string[] = [];
  for (const words of lines) {
    const found = await fault(words, t.testdir());
    if (found !== undefined) faults.push(`${words.join(" ")}: ${found}`);
  }
  t.same(faults, []);
  t.match(await fault(["edgeimg", "build", "--onyl", "x"], t.testdir()), /there is no --onyl/);
  t.match(await fault(["node", "test/run.mjs", "unit", "plan/goldne"], t.testdir()), /there is no test/);
});

t.test("the README names the page, and its links lead somewhere", async (t) => {
  const readme = readFileSync(join(home, "README.md"), "utf8");
  t.match(readme, /\(docs\/development\.md\)/);
  const missing = [...text.matchAll(/\]\(([\w/-]+\.md)\)/g)].filter(
    ([, path = ""]) => !existsSync(join(home, "docs", path)),
  );
  t.same(missing, [], "no link of the page leads nowhere");
});
