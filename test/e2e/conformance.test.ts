import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { judgeAll, keptEngines, keptVerdicts } from "../conformance/main.js";
import { scratchFolder } from "./lab.js";

/** Node tests of ONNX, chosen evenly, through each engine with a kept list. The whole is node test/conformance.mjs. */
const folder = await scratchFolder("conformance");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
let lock: string | undefined;
for (const engine of await keptEngines())
  t.test(`30 node tests fare with ${engine} as docs/operators.md says`, async (t) => {
    const known = await keptVerdicts(engine);
    const own = join(folder, engine);
    await mkdir(own);
    // What the engines have in common is asked for once.
    if (lock !== undefined) await copyFile(lock, join(own, "edgeimg.lock"));
    lock = join(own, "edgeimg.lock");
    const wanted = (name: string) => known.has(name);
    const verdicts = await judgeAll(engine, { folder: own, wanted, sample: 30, jobs: 2, signal, show: async () => {} });
    t.equal(verdicts.length, 30);
    for (const { name, outcome, why } of verdicts) t.equal(outcome, known.get(name)?.outcome, `${name} ${why}`);
  });
