import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { listEngines } from "../../src/api/session/catalog.js";
import { withEngineTable } from "../../src/api/session/engine-table.js";
import { generatedFiles } from "../../src/config/generated.js";
import { fileKinds, jsonSchema } from "../../src/config/json-schema.js";
import { packageHome } from "../../src/ground/home.js";
import { testContext } from "../helpers/image-request.js";

for (const [path, text] of generatedFiles()) {
  t.test(`${path} is fresh`, async (t) => {
    const present = await readFile(join(packageHome, path), "utf8");
    t.ok(present === text, "run: npm run generate");
  });
}

t.test("what the table in docs/engines.md says of an engine is what its recipe says", async (t) => {
  const page = await readFile(join(packageHome, "docs/engines.md"), "utf8");
  t.equal(page, withEngineTable(page, await listEngines(testContext(t.testdir()))), "run: npm run generate");
  t.match(page, /<!-- engines: [^\n]*\n(\|[^\n]*\n){4,}<!-- end of engines -->/, "a heading, its line, engines");
});

t.test("every key of edgeimg.yaml is described", async (t) => {
  const missing: string[] = [];
  const walk = (node: unknown, path: string) => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key === "properties" && typeof child === "object" && child !== null) {
        for (const [name, property] of Object.entries(child)) {
          if (typeof property !== "object" || property === null || !("description" in property))
            missing.push(`${path}.${name}`);
          walk(property, `${path}.${name}`);
        }
      } else {
        walk(child, path);
      }
    }
  };
  for (const kind of fileKinds.slice(0, 1)) walk(jsonSchema(kind), kind.name);
  t.same(missing, []);
});
