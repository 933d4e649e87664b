import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { buildStep } from "../../../src/api/build/build-step.js";
import { listSteps } from "../../../src/api/build/find-step.js";
import { planImage } from "../../../src/api/build/plan.js";
import { planStep } from "../../../src/api/build/plan-step.js";
import { formatLock } from "../../../src/lock/lock-file.js";
import { tinyProject } from "../../helpers/ci-project.js";
import { inventedLock, requestFor, testContext } from "../../helpers/image-request.js";

const locked = { offline: true, locked: true };

/** A project with a lock of invented packages: its app can be bundled, nothing can be fetched. */
async function setUp(t: Test, more = "") {
  const folder = join(t.testdir({ project: {}, cache: {} }), "project");
  await tinyProject(folder, `board: rpi4\nengine: ncnn\n${more}`);
  const text = readFileSync(join(folder, "edgeimg.yaml"), "utf8");
  const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "ncnn", text });
  writeFileSync(join(folder, "edgeimg.lock"), formatLock(inventedLock(request)));
  return { folder, context: { ...testContext(folder), env: { XDG_CACHE_HOME: join(folder, "../cache") } } };
}

t.test("plan --step shows what a step runs, on what, and why; its key as soon as its inputs are known", async (t) => {
  const { context } = await setUp(t);
  const compile = await planStep(context, { ...locked, step: "compile/ncnn" });
  t.match(compile, {
    board: "rpi4",
    engine: "ncnn",
    id: "compile/ncnn",
    kind: "run",
    why: "the image's inference engine is ncnn",
    weight: "all",
    neededBy: ["compile/ncnn-adapter", "rootfs"],
    process: {
      copies: { source: "src" },
      env: { PATH: "{cwd}/in/toolchain/root/usr/bin", HOME: "{cwd}", LC_ALL: "C", DESTDIR: "{cwd}/out" },
    },
  });
  t.match(
    compile.process?.commands.map(([program, ...args]) => [program?.split("/").at(-1), args.at(-1)]),
    [["cmake"], ["ninja", "-j{jobs}"], ["cmake", "--strip"]],
  );
  t.same(
    compile.inputs.map(({ name, step }) => [name, step]),
    [
      ["toolchain", "root/tools/toolchain-arm64"],
      ["sysroot", "root/sysroot/arm64"],
      ["source", "unpack/ncnn"],
      ["precompile", "precompile/ncnn"],
    ],
  );
  t.same([compile.key, compile.digest, compile.path], [undefined, undefined, undefined], "nothing is fetched yet");
  const bundle = await planStep(context, { ...locked, step: "app/bundle" });
  t.same(bundle.process, undefined, "a function of edgeimg's own");
  t.match(bundle.key, /^[0-9a-f]{64}$/, "its inputs are files that are there");
  t.same(bundle.path, undefined);
  const local = await planStep(context, { ...locked, step: "local/project" });
  t.match(local, { kind: "local", key: undefined, digest: /^[0-9a-f]{64}$/ });
});

t.test(
  "build --only builds a step and what it needs, says where the result lies, and plan --step finds it",
  async (t) => {
    const { folder, context } = await setUp(t);
    const events: string[] = [];
    const told = {
      ...context,
      emit: (event: Parameters<typeof context.emit>[0]) => {
        if (event.type === "step-start") events.push(event.step);
        if (event.type === "plan") events.push(`${event.steps} steps`);
      },
    };
    const { key } = await planStep(context, { ...locked, step: "app/bundle" });
    const built = await buildStep(told, { ...locked, step: "app/bundle" });
    t.same([events[0], events.at(-1)], [`${built.ranSteps + built.cachedSteps} steps`, "app/bundle"]);
    t.ok(built.ranSteps + built.cachedSteps < (await listSteps(context, locked)).length / 2);
    t.match(readFileSync(join(built.path, "main.js"), "utf8"), /report\("result",\{sum:3\}\)/);
    t.notOk(existsSync(join(folder, "out")), "no image was asked for");
    const known = await planStep(context, { ...locked, step: "app/bundle" });
    t.same([known.key, known.digest, known.path], [key, built.digest, built.path]);
    events.length = 0;
    const again = await buildStep(told, { ...locked, step: "app/bundle" });
    t.same([again.digest, events.includes("app/bundle")], [built.digest, false], "from the store");
    await buildStep(told, { ...locked, step: "app/bundle", keepWork: true });
    t.ok(events.includes("app/bundle"), "with --keep-work it runs again");
  },
);

t.test("plan --step shows no key of a network, which only root may read on the board", async (t) => {
  const { context } = await setUp(t, "system: { wifi: { networks: [{ ssid: Home, passphrase: secretsecret }] } }\n");
  const { params } = await planStep(context, { ...locked, step: "rootfs" });
  const shown = JSON.stringify(params);
  t.notMatch(shown, "secretsecret");
  t.match(shown, '"path":"etc/edgeimg/wifi.conf","mode":384');
  t.match(shown, '"text":"(for root alone, not shown)"');
  t.match(shown, /"text":"[^(]/, "what anybody may read is shown");
  t.notMatch(JSON.stringify(await planImage(context, locked)), "secretsecret");
});

t.test("a wrong step is answered with the right one, and the plan lists all", async (t) => {
  const { context } = await setUp(t);
  const wrong = {
    code: "ERR_EDGEIMG_USAGE",
    message: 'The build of rpi4 with ncnn has no step "app/bundel". Did you mean "app/bundle"?',
    hint: /`edgeimg plan` lists the steps/,
  };
  await t.rejects(planStep(context, { ...locked, step: "app/bundel" }), wrong);
  await t.rejects(buildStep(context, { ...locked, step: "app/bundel" }), wrong);
  const { steps } = await planImage(context, locked);
  t.same(
    steps.map(({ id }) => id),
    await listSteps(context, locked),
  );
});
