import { readFileSync } from "node:fs";
import t from "tap";
import { keptEngines, keptVerdicts, renderPage } from "./main.js";

t.test("docs/operators.md is what the kept lists make", async (t) => {
  const page = readFileSync(new URL("../../docs/operators.md", import.meta.url), "utf8");
  t.equal(page, await renderPage(), "else run node test/conformance.mjs --table");
});

t.test("whatever a build takes and ONNX expects otherwise, the reference answers so, too", async (t) => {
  for (const engine of await keptEngines())
    for (const { name, outcome, why } of (await keptVerdicts(engine)).values())
      if (outcome === "wrong") t.match(why, /; so does the reference$/, `${engine}: ${name}`);
});
