import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import ts from "typescript";
import { listExamples } from "../../src/api/scaffold/list-examples.js";
import { builtIn } from "../e2e/proven.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const machines = new Map([...builtIn.boards.values()].map(({ name, qemu }) => [name, qemu.machine]));

/** The string literals of a test. */
function literals(file: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(join(home, file), "utf8"), ts.ScriptTarget.Latest, true));
  return found;
}

t.test("what a recipe calls proven is shown by the test that it names", async (t) => {
  const examples = (await listExamples()).map(({ name }) => name);
  for (const { recipe } of builtIn.engines.values()) {
    for (const proof of recipe.proven.on) {
      if (proof.how === "booted") {
        const board = builtIn.boards.get(proof.board);
        t.ok(board !== undefined && recipe.supports.arch.includes(board.arch), `${recipe.name}: ${proof.board}`);
        t.ok(examples.includes(proof.example), `${recipe.name}: ${proof.example}`);
        t.ok(recipe.proven.size[board?.cpu ?? ""], `${recipe.name}: its size on a core that boots it`);
        continue;
      }
      const words = literals(proof.test);
      const said = [recipe.name, proof.cpu].filter((word) => !words.has(word));
      // Tests that build for a board name it in edgeimg.yaml, within a longer text.
      const text = readFileSync(join(home, proof.test), "utf8");
      const boards = [...builtIn.boards.values()].filter(({ cpu }) => cpu === proof.cpu).map(({ name }) => name);
      const isNamed = (word: string) =>
        new RegExp(`(engine|board): (${[word, ...(word === proof.cpu ? boards : [])].join("|")})\\b`).test(text);
      t.same(
        said.filter((word) => !isNamed(word)),
        [],
        `${proof.test} names ${recipe.name} and ${proof.cpu}`,
      );
    }
  }
});

t.test("the boot tests boot what recipes call booted, each engine once at least", (t) => {
  const readers = ["fixed", "virt", "pi", "pictures"].map((name) => `test/e2e/boot-${name}.test.ts`);
  const others = "test/e2e/boot-examples.test.ts";
  for (const file of [...readers, others]) {
    const text = readFileSync(join(home, file), "utf8");
    const takes =
      file === others ? /bootedExamples\(\(example\) => example !== "reader"\)/ : /boards: bootedWith\("reader", /;
    t.match(text, takes, `${file} takes its boards from the recipes`);
    t.notOk(
      [...machines.keys()].some((board) => literals(file).has(board)),
      `${file} names no board`,
    );
  }
  t.end();
});

t.test("sizes are of cores that there are", (t) => {
  const cores = new Set([...builtIn.boards.values()].map(({ cpu }) => cpu));
  for (const { recipe } of builtIn.engines.values()) {
    t.same(
      Object.keys(recipe.proven.size).filter((cpu) => !cores.has(cpu)),
      [],
      recipe.name,
    );
  }
  t.end();
});
