import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { commands } from "../../src/cli/commands/index.js";
import { outputFlags } from "../../src/cli/flags.js";
import { createProgram } from "../../src/cli/program.js";
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

const pages = [
  "README.md",
  ...readdirSync(join(home, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];
const scaffolded = readdirSync(join(home, "templates/scaffold"), { recursive: true, encoding: "utf8" }).flatMap(
  (name) => (name.endsWith("README.md.hbs") ? [`templates/scaffold/${name}`] : []),
);
const read = (page: string) => readFileSync(join(home, page), "utf8");
const withoutBlocks = (page: string) => read(page).replace(/^```[\s\S]*?^```$/gm, "");

/** Command lines of a page: lines of blocks, and what stands between backquotes. A command that goes on behind `&&` is two. */
function commandLines(page: string): string[] {
  const blocks = [...read(page).matchAll(/^```[a-z]*\n([\s\S]*?)^```$|^ {4}(.*)$/gm)].map(
    ([, code, line]) => code ?? line ?? "",
  );
  const inline = [...withoutBlocks(page).matchAll(/`((?:bin\/)?edgeimg [a-z]{2}[^`\n]*)`/g)].map(
    ([, code = ""]) => code,
  );
  return [...blocks.flatMap((block) => block.split("\n")), ...inline]
    .flatMap((line) =>
      line
        .replace(/ {2,}.*$/, "")
        .replace(/ #.*$/, "")
        .split(" && "),
    )
    .map((line) => line.trim().replace(/^(sudo env PATH="\$PATH" |bin\/)/, ""))
    .filter((line) => /^edgeimg [a-z-]/.test(line));
}

/** What commander says of a command line; undefined when it takes it. `...` stands for what a reader puts there. */
function refusal(line: string): string | undefined {
  const [, ...words] = line.split(" ").filter((word) => word !== "...");
  // A command that is only named needs no arguments.
  const isNamed = words.length === 1 && commands.some(({ name }) => name === words[0]);
  if (isNamed) return undefined;
  let isFound = false;
  const found = () => {
    isFound = true;
  };
  const program = createProgram(commands, { terminal: { stdout: () => {} }, found });
  try {
    program.parse(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.helpDisplayed") return undefined;
    return error instanceof Error ? error.message : String(error);
  }
  return isFound ? undefined : "no command is called";
}

t.test("every command line of README.md, docs/ and new projects is one that the program takes", (t) => {
  const lines = [...pages, ...scaffolded].flatMap((page) => commandLines(page).map((line) => ({ page, line })));
  t.ok(lines.length >= 80, `${lines.length} lines`);
  const faults = lines.flatMap(({ page, line }) => {
    const said = refusal(line);
    return said === undefined ? [] : [`${page}: ${line}: ${said}`];
  });
  t.same(faults, []);
  t.match(refusal("edgeimg build --onyl x"), /unknown option '--onyl'/);
  t.match(refusal("edgeimg bulid"), /unknown command/);
  t.match(refusal("edgeimg types a"), /too many arguments/);
  t.end();
});

t.test(
  "every link of README.md and docs/ leads to a file and a heading, every path named is in the repository",
  (t) => {
    const faults: string[] = [];
    const anchors = (page: string) =>
      [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
      );
    let count = 0;
    for (const page of pages) {
      for (const [, path = "", anchor] of withoutBlocks(page).matchAll(/\]\(([^)#\s]*)(?:#([^)]*))?\)/g)) {
        count += 1;
        const file = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(home, file))) faults.push(`${page}: (${path}) is not there`);
        else if (anchor !== undefined && !anchors(file).includes(anchor))
          faults.push(`${page}: ${file} has no #${anchor}`);
      }
      // The record of one build names files of that build's folders.
      if (page === "docs/buildroot-proof.md") continue;
      for (const [, path = ""] of withoutBlocks(page).matchAll(
        /`((?:src|test|docs|recipes|board-configs|templates|schemas|examples|bench|scripts|bin)\/[^`\s]*)`/g,
      )) {
        count += 1;
        // NAME, BOARD and the like stand for any; of such a path the folder before counts.
        const known = path.split(/[A-Z*{<]{2,}|[*{<]/)[0] ?? "";
        const folder = known === path ? path : known.slice(0, known.lastIndexOf("/"));
        // Of a project's own folders the docs speak as of the example's.
        if (![folder, `${folder}.test.ts`, `examples/reader/${folder}`].some((one) => existsSync(join(home, one))))
          faults.push(`${page}: ${path} is not there`);
      }
    }
    t.ok(count >= 60, `${count} links and paths`);
    t.same(faults, []);
    t.end();
  },
);
