import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { rangeMethods } from "../../src/quantize/ranges.js";
import { weightCodes } from "../../src/quantize/weights.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(home, "docs/quantization.md"), "utf8");

t.test("the page's table of engines says what their recipes do", async (t) => {
  const { engines } = await loadCatalog(home, undefined);
  const rows = [...engines.values()]
    .map(({ recipe: { name, model } }) => {
      const { activations = [], why } = model.quantized ?? { why: "nobody has tried" };
      const has = (kind: 8 | "float") => (activations.includes(kind) ? "yes" : "no");
      return `| \`${name}\` | ${has(8)} | ${has("float")} | ${why ?? ""} |`;
    })
    .sort();
  const table = ["| engine | 8-bit activations | 8-bit weights alone | why not |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
  t.ok(page.includes(`\n${table}\n`), `the page should have:\n${table}`);
});

/** The words that the rows of a table begin with, of the table whose first column is called so. */
function rowsOf(column: string): (string | undefined)[] {
  const [, rest = ""] = page.split(`\n| \`${column}\` |`);
  const [rows = ""] = rest.split("\n\n");
  return [...rows.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
}

t.test("the page tells every method, and what codes of weights stand for", async (t) => {
  t.same(rowsOf("method"), Object.keys(rangeMethods));
  t.same(rowsOf("codes"), Object.keys(weightCodes));
});
