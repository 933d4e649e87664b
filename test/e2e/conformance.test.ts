import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { judgeAll, keptEngines, keptVerdicts } from "../conformance/main.js";
import { scratchFolder } from "./lab.js";

/**
 * Node tests of ONNX, chosen evenly, through the engines of which 30 or more are kept: more of the longer lists. The whole is
 * node test/conformance.mjs.
 */
const folder = await scratchFolder("conformance");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
let lock: string | undefined;
for (const engine of await keptEngines()) {
  const known = await keptVerdicts(engine);
  if (known.size < 30) continue;
  const sample = Math.min(known.size, Math.max(4, Math.round(known.size / 200)));
  t.test(`${sample} node tests fare with ${engine} as docs/operators.md says`, async (t) => {
    const own = join(folder, engine);
    await mkdir(own);
    // What the engines have in common is asked for once.
    if (lock !== undefined) await copyFile(lock, join(own, "edgeimg.lock"));
    lock = join(own, "edgeimg.lock");
    const wanted = (name: string) => known.has(name);
    const verdicts = await judgeAll(engine, { folder: own, wanted, sample, jobs: 2, signal, show: async () => {} });
    t.equal(verdicts.length, sample);
    for (const { name, outcome, why } of verdicts) t.equal(outcome, known.get(name)?.outcome, `${name} ${why}`);
  });
}
