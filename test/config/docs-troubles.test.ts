import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { errorCodes } from "../../src/errors/codes.js";
import { situations } from "../e2e/model-situations.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

/** The cells of the rows that a table has below its rule. */
function rows(file: string, heading: string): readonly (readonly string[])[] {
  const text = readFileSync(join(home, file), "utf8");
  const lines = text.slice(text.indexOf(heading)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|---"));
  const after = lines.slice(first + 1);
  return after
    .slice(
      0,
      after.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

t.test("every trouble in docs/troubles.md has five members and tests that there are", async (t) => {
  const table = rows("docs/troubles.md", "# Troubles");
  t.ok(table.length >= 12);
  for (const [kind = "", members = "", outcome = "", tests = "", ...more] of table) {
    t.same(more, [], kind);
    t.ok(members.split(";").length >= 5, `${kind}: ${members}`);
    t.not(outcome, "", kind);
    t.match(tests, /^`test\//, kind);
    for (const cited of tests.split(/;? ?(?=`test\/)/)) {
      const [, file = "", names = ""] = /^`(test\/[^`]+)`(.*)$/.exec(cited) ?? [];
      if (!t.ok(existsSync(join(home, file)), `${kind}: ${cited}`)) continue;
      const text = readFileSync(join(home, file), "utf8");
      for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) t.ok(text.includes(name), `${file}: ${name}`);
    }
  }
});

t.test("docs/models.md lists every code of a model, and just the situations that are tried", async (t) => {
  const listed = rows("docs/models.md", "## Each error of a model").map(([code = "", when = ""]) => `${code} ${when}`);
  t.same([...listed].sort(), situations.map(({ code, when }) => `\`${code}\` ${when}`).sort());
  for (const code of Object.keys(errorCodes).filter((one) => one.startsWith("ERR_EDGEIMG_MODEL_")))
    t.ok(
      listed.some((row) => row.startsWith(`\`${code.slice("ERR_EDGEIMG_MODEL_".length)}\` `)),
      `${code} has a situation`,
    );
});
