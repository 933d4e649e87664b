import { readFileSync } from "node:fs";
import t from "tap";
import { bootedExamples, builtIn } from "../e2e/proven.js";
import { keptResults, page, renderPage } from "./main.js";
import { boards } from "./plan.js";
import { isRight, isSame } from "./result.js";

const kept = await keptResults();

t.test("the table in docs/engines.md is what the kept results make", async (t) => {
  t.equal(readFileSync(page, "utf8"), await renderPage(), "else run node test/examples.mjs --table");
});

t.test("kept results are of the engines' versions, and right or refused by name", (t) => {
  t.not(kept.length, 0);
  for (const one of kept) {
    const { example, engine, board, version } = one;
    const name = `${example} ${engine} ${board}`;
    const again = `else run node test/examples.mjs --example ${example} --engine ${engine} --board ${board} --write`;
    t.equal(version, builtIn.engines.get(engine)?.recipe.version, `${name}: ${again}`);
    t.ok(builtIn.boards.has(board), name);
    if (!("refused" in one)) t.ok(isRight(one), name);
  }
  t.end();
});

t.test("what recipes call booted, and CI boots, is in the table and right: all that lies in its columns", async (t) => {
  const table = await renderPage();
  for (const { example, engine, board } of bootedExamples(() => true)) {
    const found = kept.find((one) => isSame(one, { example, engine, board }));
    const isShown = boards.some((one) => one === board);
    t.ok(found === undefined ? !isShown : isRight(found), `${example} ${engine} ${board}`);
    t.match(table, `\n| ${example} | \`${engine}\` | `);
  }
});
