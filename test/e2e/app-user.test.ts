import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { buildPrepared } from "../../src/api/build/build.js";
import { type BootedBoard, bootImage } from "../../src/device/boot.js";
import type { ConsoleLine } from "../../src/device/console.js";
import { quietContext } from "../helpers/context.js";
import { tinyOnnx } from "../model/onnx-builder.js";
import { edgeimg, packedProgram, scratchFolder } from "./lab.js";

/**
 * Native code of the app's own user tries to become root over two starts of the board: an engine's adapter does it, as that is code of the
 * app's process. Then the app takes all memory. The card carries variables that are named like those of root's scripts.
 */
const folder = await scratchFolder("app-user");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const project = join(folder, "project");
const engine = join(project, "recipes/engines/attacker");
const card = join(folder, "card.img");

async function makeCard(): Promise<void> {
  await mkdir(join(project, "recipes/engines"), { recursive: true });
  await cp(fileURLToPath(new URL("../fixtures/engines/toy", import.meta.url)), engine, { recursive: true });
  const recipe = await readFile(join(engine, "recipe.yaml"), "utf8");
  await writeFile(
    join(engine, "recipe.yaml"),
    recipe.replace("name: toy\n", "name: attacker\n").replace("sources: [adapter.c]", "sources: [adapter.c, attack.c]"),
  );
  await cp(fileURLToPath(new URL("../fixtures/engines/attack.c", import.meta.url)), join(engine, "attack.c"));
  const adapter = await readFile(join(engine, "adapter.c"), "utf8");
  const load = "if (toy_knows(path) != 1)";
  if (!adapter.includes(load)) throw new Error("the toy adapter no longer loads as this test expects");
  await writeFile(
    join(engine, "adapter.c"),
    adapter
      .replaceAll('"toy"', '"attacker"')
      .replace('#include "nn_model.h"', '#include "nn_model.h"\n\nconst char *attack(void);')
      // On the board, where the app's folder is; not in the check of the build.
      .replace(
        load,
        `const char *said = attack();\n  if (said) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s", said);\n  ${load}`,
      ),
  );
  await writeFile(
    join(project, "sum.onnx"),
    tinyOnnx({
      nodes: [{ op: "ReduceSum", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", shape: [2, 3] }],
      outputs: [{ name: "y", shape: [1, 1] }],
    }),
  );
  await writeFile(
    join(project, "main.ts"),
    `import { load } from "edge:nn";
import { readText, writeFile } from "edge:fs";
import { env, report } from "edge:process";
const said = await load("sum").then(() => "loaded", (error: Error) => error.message);
report("attack", { said, user: env.APP_USER, attempt: env.attempt });
const before = await readText("/data/app/starts").catch(() => "");
await writeFile("/data/app/starts", before + "x");
report("ready");
// In the second start: all memory, once.
if (before.length === 1) {
  await writeFile("/data/app/hog", "");
  await load("sum").catch(() => {});
}
setInterval(() => {}, 60_000);
`,
  );
  await writeFile(
    join(project, "edgeimg.yaml"),
    "format: 1\nname: attack\nboard: qemu-a72\nengine: attacker\napp: { entry: main.ts }\nmodels: { sum: { onnx: sum.onnx } }\nsystem: { ssh: { server: true } }\n",
  );
  const built = await edgeimg(program, ["build", "--json"], { cwd: project });
  if (built.code !== 0) throw new Error(`no image: ${built.stdout.slice(-2000)}${built.stderr.slice(-2000)}`);
  const set = ["APP_USER=root", "APP_GROUP=root", "attempt=50", "delay=40", "code=7"].flatMap((one) => ["--set", one]);
  const flashed = await edgeimg(program, ["flash", "--device", card, ...set], { cwd: project });
  if (flashed.code !== 0) throw new Error(`no card: ${flashed.stderr}`);
}
await makeCard();

const controller = new AbortController();
const built = await buildPrepared(quietContext(project, { env: process.env, signal: controller.signal }), {
  offline: true,
  locked: true,
});

async function boot(kind: "fresh" | "keep"): Promise<BootedBoard> {
  return await bootImage({
    image: card,
    board: built.prepared.request.board,
    qemuRoot: built.qemuRoot,
    workDir: join(folder, "device"),
    httpGuestPort: 22,
    emit: () => {},
    timeoutMs: 400_000,
    signal: controller.signal,
    card: kind,
  });
}

const named = (name: string) => (line: ConsoleLine) => line.milestone?.name === name;
const nothing = "uid 1000, gained: nothing";

t.test("the first start: what the app tries fails, and the card's variables are the app's alone", async (t) => {
  const board = await boot("fresh");
  t.teardown(() => board.stop());
  const settings = await board.waitFor(named("settings"), 240_000);
  t.match(settings.milestone?.fields, { state: "applied" });
  t.match((await board.waitFor(named("app-start"), 240_000)).milestone?.fields, { attempt: 1 });
  const attack = await board.waitFor(named("attack"), 240_000);
  t.match(attack.milestone?.fields, { said: nothing, user: "root", attempt: "50" });
  const ready = await board.waitFor(named("ready"), 60_000);
  t.match(ready.text, /"uptimeMs":\d+/, "every milestone says when it was");
});

t.test(
  "the second start: root followed nothing; an app that takes all memory is started again, and the board lives",
  async (t) => {
    const board = await boot("keep");
    t.teardown(() => board.stop());
    const settings = await board.waitFor(named("settings"), 240_000);
    t.match(settings.milestone?.fields, { state: "kept", sshKeys: 0 });
    const attack = await board.waitFor(named("attack"), 240_000);
    t.match(attack.milestone?.fields, { said: nothing });
    const exit = await board.waitFor(named("app-exit"), 240_000);
    t.match(exit.milestone?.fields, { code: 137, restartInMs: 1000 });
    const again = await board.waitFor((line) => named("attack")(line) && line.index > exit.index, 240_000);
    t.match(again.milestone?.fields, { said: nothing });
  },
);
