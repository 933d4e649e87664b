import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { buildStep } from "../../../src/api/build/build-step.js";
import { api } from "../../../src/api/index.js";
import { initProject } from "../../../src/api/scaffold/init-project.js";
import { listExamples } from "../../../src/api/scaffold/list-examples.js";
import { imageRequest, openProject } from "../../../src/api/session/open-project.js";
import { init } from "../../../src/cli/commands/init.js";
import { formatLock } from "../../../src/lock/lock-file.js";
import { inventedLock, testContext } from "../../helpers/image-request.js";

const home = fileURLToPath(new URL("../../../", import.meta.url));
const examples = (await listExamples()).map(({ name }) => name);

t.test("each folder of examples/ is one, described in a line; the help of init names all", async (t) => {
  t.same([...examples].sort(), readdirSync(join(home, "examples")).sort());
  const help = await init.more?.(api);
  for (const { name, summary } of await listExamples()) {
    t.ok(help?.includes(name) && help.includes(summary), name);
    // `edgeimg init --help` is 100 columns wide.
    t.ok(summary.length <= 80, summary);
  }
});

t.test("an unknown example is answered with the nearest and the list; a former name still is understood", async (t) => {
  const cwd = t.testdir({});
  await t.rejects(initProject({ cwd }, { directory: "x", example: "raeder" }), {
    code: "ERR_EDGEIMG_USAGE",
    message: 'There is no example "raeder". Did you mean "reader"?',
    hint: "Name one of those: --example reader",
    details: (await listExamples()).map(({ name, summary }) => `${name}: ${summary}`),
  });
  t.match(await initProject({ cwd }, { directory: "x", example: "read-text" }), { example: "reader" });
});

for (const example of examples) {
  t.test(`a new project from ${example} passes its own npm test`, async (t) => {
    const folder = t.testdir({ bin: {} });
    const { directory } = await initProject({ cwd: folder }, { directory: "new", example });
    const scripts = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    t.same(
      [scripts.name, Object.keys(scripts.scripts), scripts.dependencies, scripts.devDependencies],
      ["new", ["build", "dev", "test", "types"], undefined, undefined],
      "nothing to install",
    );
    // Only Node, npm and the shell, and edgeimg as `npm link` puts it there.
    symlinkSync(join(home, "bin/edgeimg"), join(folder, "bin/edgeimg"));
    const path = [join(folder, "bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
    const env = { PATH: path, HOME: folder, npm_config_update_notifier: "false" };
    const said = execFileSync("npm", ["test"], { cwd: directory, env, encoding: "utf8" });
    const count = (word: string) => Number(new RegExp(`^. ${word} (\\d+)$`, "m").exec(said)?.[1]);
    t.ok(count("pass") >= 2, said);
    t.equal(count("fail"), 0);

    // The same for all examples.
    if (example !== examples[0]) return;
    const files = readdirSync(join(directory, "test")).filter((name) => name.endsWith(".test.ts"));
    const test = join(directory, "test", files[0] ?? "");
    writeFileSync(test, readFileSync(test, "utf8").replace(/assert\.(equal|deepEqual)\(/, "assert.notDeepEqual("));
    t.not(spawnSync("npm", ["test"], { cwd: directory, env }).status, 0, "a test that fails is seen to fail");

    writeFileSync(test, 'import "edge:process";\n');
    const refused = spawnSync("npm", ["test"], { cwd: directory, env, encoding: "utf8" });
    t.match(`${refused.stdout}${refused.stderr}`, /edge:process is on the device only/);
  });

  t.test(`a new project from ${example} has the types of what it imports`, async (t) => {
    const folder = t.testdir({ cache: {} });
    const { directory } = await initProject({ cwd: folder }, { directory: "new", example });
    // What an editor sees.
    const tsc = () =>
      spawnSync(process.execPath, [join(home, "node_modules/typescript/lib/tsc.js"), "-p", directory], {
        encoding: "utf8",
      });
    const isTyped = readFileSync(join(directory, "src/main.ts"), "utf8").includes("load(");
    if (isTyped) {
      // One run of the compiler shows both: it knows the models, and has nothing to say of the example itself.
      writeFileSync(join(directory, "src/wrong.ts"), 'import { load } from "edge:nn";\nawait load("no-such-model");\n');
      const errors = tsc()
        .stdout.split("\n")
        .filter((line) => /^\S/.test(line));
      t.match(errors, [/\/src\/wrong\.ts\(2,12\): error/]);
      t.equal(errors.length, 1, errors.join("\n"));
      // The build's check reads models: test/steps/model-types.test.ts.
      return;
    }
    t.match(tsc(), { status: 0, stdout: "" });
    const context = { ...testContext(directory), env: { XDG_CACHE_HOME: join(folder, "cache") } };
    const project = await openProject(context, {});
    const request = imageRequest(project, { board: "rpi4", engine: "ncnn" });
    writeFileSync(join(directory, "edgeimg.lock"), formatLock(inventedLock(request)));
    // What `npm run types` does.
    const types = { offline: true, locked: true, step: "app/typecheck" };
    t.match(await buildStep(context, types), { step: "app/typecheck" });
    writeFileSync(join(directory, "src/main.ts"), 'import { report } from "edge:process";\nreport(7);\n');
    await t.rejects(buildStep(context, types), { code: "ERR_EDGEIMG_APP_TYPES" });
  });
}
