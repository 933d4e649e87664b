import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { benchEngines } from "../../src/api/bench/bench.js";
import { stepsFor } from "../../src/api/build/build-step.js";
import { prepare } from "../../src/api/session/prepare.js";
import { planBench } from "../../src/builders/debian/plan-image.js";
import { execute } from "../../src/execute/execute.js";
import { parseLock } from "../../src/lock/lock-file.js";
import { type BenchReport, benchReport } from "../../src/report/bench.js";
import { treePath } from "../../src/store/store.js";
import { quietContext } from "../helpers/context.js";
import { tinyOnnx } from "../model/onnx-builder.js";

/** Two models of one kind, the second with twice the work, compared on two engines. */
const channels = 16;
const size = 64;
const folder = t.testdir();

/** Convolutions of 3x3, one behind the other. */
function convolutions(count: number): Uint8Array {
  const values = Array.from({ length: channels * channels * 9 }, (_, index) => ((index * 7) % 13) / 97 - 0.06);
  const name = (index: number) => (index === 0 ? "x" : index === count ? "y" : `v${index}`);
  return tinyOnnx({
    nodes: Array.from({ length: count }, (_, index) => ({
      op: "Conv",
      inputs: [name(index), "w"],
      outputs: [name(index + 1)],
      ints: { pads: [1, 1, 1, 1], kernel_shape: [3, 3] },
    })),
    inputs: [{ name: "x", shape: [1, channels, size, size] }],
    outputs: [{ name: "y", shape: [1, channels, size, size] }],
    weights: [{ name: "w", shape: [channels, channels, 3, 3], values }],
  });
}

t.before(() => {
  mkdirSync(join(folder, "models"));
  writeFileSync(join(folder, "models/half.onnx"), convolutions(4));
  writeFileSync(join(folder, "models/whole.onnx"), convolutions(8));
  writeFileSync(join(folder, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
  writeFileSync(
    join(folder, "edgeimg.yaml"),
    "format: 1\nname: bench\nboard: qemu-a72\napp: { entry: main.ts }\nmodels:\n  half: { onnx: models/half.onnx }\n  whole: { onnx: models/whole.onnx }\n",
  );
});

const options = { offline: false, locked: false };

t.test("engines are compared: twice the work is about twice the instructions", async (t) => {
  const context = quietContext(folder, { env: process.env });
  const engines = ["ncnn", "onnxruntime"];
  const { report, files } = await benchEngines(context, { ...options, engines });
  const [file = ""] = files;
  t.same(benchReport.parse(JSON.parse(readFileSync(file, "utf8"))), report, "what is told is what is written");
  t.same(
    report.engines.map(({ name }) => name),
    engines,
  );
  t.same(report.refused, []);
  for (const engine of report.engines) {
    const [half, whole] = engine.models;
    t.match(
      [half, whole],
      [
        { name: "half", passes: true },
        { name: "whole", passes: true },
      ],
    );
    const [few, many] = [half, whole].map((model) => model?.runs[0]);
    if (few === undefined || many === undefined) throw new Error("nothing was measured");
    const ratio = many.instructions / few.instructions;
    t.ok(
      ratio > 1.8 && ratio < 2.2,
      `${engine.name}: ${few.instructions} and ${many.instructions} instructions, ${ratio}`,
    );
    t.ok(few.instructions > 100_000, "the layers' work is in it");
    t.ok(few.peakBytes > 2 ** 20 && few.peakBytes < 2 ** 28, `${few.peakBytes} bytes of memory`);
    t.ok(few.largestError !== null && few.largestError < 1e-3, `an error of ${few.largestError}`);
    t.ok(few.meanError !== null && few.largestError !== null && few.meanError <= few.largestError);
    t.ok(engine.engineBytes > 10 ** 6 && engine.imageBytes > engine.engineBytes);
  }
  const adds = (report: BenchReport, name: string) => report.engines.find((one) => one.name === name)?.engineBytes ?? 0;
  t.ok(adds(report, "onnxruntime") > adds(report, "ncnn"));
});

t.test(
  "`engine: auto` takes the one of the comparison with the least instructions, and the lock keeps it",
  async (t) => {
    const yaml = join(folder, "edgeimg.yaml");
    const named = readFileSync(yaml, "utf8");
    writeFileSync(yaml, `${named}engine: auto\n`);
    const { request, lock } = await prepare(quietContext(folder, { env: process.env }), options);
    const bench = readFileSync(join(folder, "out/qemu-a72-bench/bench.json"));
    const totals = benchReport.parse(JSON.parse(`${bench}`)).engines.map(({ name, models }) => ({
      name,
      instructions: models.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.instructions, 0),
    }));
    const [least] = totals.sort((a, b) => a.instructions - b.instructions);
    t.equal(request.engine.recipe.name, least?.name);
    t.match(lock.engines, {
      "qemu-a72": { engine: least?.name, by: "instructions", bench: createHash("sha256").update(bench).digest("hex") },
    });
    t.match(parseLock(readFileSync(join(folder, "edgeimg.lock"), "utf8"), "edgeimg.lock").engines, lock.engines);
    writeFileSync(yaml, named);
  },
);

t.test("runs are timed where ssh leads", async (t) => {
  // The board: a shell of this machine whose programs run under QEMU's user mode.
  const bin = join(folder, "bin");
  const calls = join(folder, "calls");
  const context = quietContext(folder, { env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } });
  const { request, lock, services } = await prepare(context, { ...options, engine: "ncnn" });
  const plan = planBench(request, lock);
  const results = await execute(plan, ["root/tools/qemu"], services);
  const qemu = join(
    treePath(services.store, results.get("root/tools/qemu")?.digest ?? ""),
    "root/usr/bin/qemu-aarch64",
  );
  mkdirSync(bin);
  writeFileSync(
    join(bin, "ssh"),
    `#!/bin/sh\nfor line; do :; done\necho "$*" >> '${calls}'\nexec sh -c "$(echo "$line" | sed "s,'./usr/lib/ld-,'${qemu}' -cpu cortex-a72 './usr/lib/ld-,")"\n`,
    { mode: 0o755 },
  );
  const job = { ...options, engines: ["ncnn"], ssh: "root@board", threads: 2 };
  const { report } = await benchEngines(context, job);
  for (const { name, runs } of report.engines[0]?.models ?? []) {
    const latency = runs[0]?.latency;
    t.match(latency, { runs: 40, warmUp: 5, threads: 2 }, name);
    t.ok(latency !== undefined && latency.medianNs > 0 && latency.p95Ns >= latency.medianNs);
  }
  const said = readFileSync(calls, "utf8");
  t.match(said, /^-o BatchMode=yes .* -- root@board /m);
  const folders = [...said.matchAll(/'rm' '-rf' '(\/tmp\/edgeimg-bench\.[^']+)'/g)].map(([, path = ""]) => path);
  t.equal(folders.length, 2, "one for each model");
  t.same(
    folders.filter((path) => existsSync(path)),
    [],
    "which are gone",
  );
  await t.rejects(benchEngines(context, { ...job, ssh: "-oProxyCommand=x" }), { code: "ERR_EDGEIMG_USAGE" });
  writeFileSync(join(bin, "ssh"), "#!/bin/sh\necho Permission denied >&2\nexit 255\n", { mode: 0o755 });
  await t.rejects(benchEngines(context, job), { code: "ERR_EDGEIMG_SSH_FAILED" });
});

t.test("a second count is the same to the last instruction", async (t) => {
  const context = quietContext(folder, { env: process.env });
  const { request, lock, services } = await prepare(context, { ...options, engine: "onnxruntime" });
  const step = "bench-measure/half";
  const plan = stepsFor(planBench(request, lock), step);
  const first = (await execute(plan, [step], services)).get(step);
  const second = (await execute({ ...plan, again: [step] }, [step], services)).get(step);
  t.equal(first?.cached, true, "what was measured is not measured again");
  t.equal(second?.cached, false, "unless one asks for it");
  t.equal(second?.digest, first?.digest);
});
