import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { appDependencies } from "../../../src/api/session/app-dependencies.js";
import { execute } from "../../../src/execute/execute.js";
import { dependencySteps } from "../../../src/parts/app.js";
import { planBuilder } from "../../../src/plan/step.js";
import { treePath } from "../../../src/store/store.js";
import { testServices } from "../../helpers/services.js";

const json = (content: object) => JSON.stringify(content);
const packed = (dependencies: object = {}, files: object = {}) => ({
  "package.json": json({ dependencies }),
  ...files,
});

t.test("a project without package.json, or without dependencies, has none", async (t) => {
  t.same(await appDependencies(t.testdir({ "main.ts": "" })), []);
  t.same(await appDependencies(t.testdir({ "package.json": json({ devDependencies: { tap: "1" } }) })), []);
});

t.test("what package.json lists and what that needs, nested or not, with declarations, and nothing else", async (t) => {
  const folder = t.testdir({
    "package.json": json({
      dependencies: { a: "1", "@s/b": "1" },
      devDependencies: { "@types/a": "1", "@types/s__b": "1", "@types/node": "1", tool: "1" },
    }),
    node_modules: {
      a: { ...packed({ c: "1", d: "2" }), node_modules: { d: packed({ e: "1", a: "1" }) } },
      c: packed({ a: "1" }),
      d: packed(),
      e: packed(),
      "@s": { b: packed() },
      "@types": { a: packed(), s__b: packed(), node: packed() },
      tool: packed(),
    },
  });
  t.same(await appDependencies(folder), ["@s/b", "@types/a", "@types/s__b", "a", "c", "e"]);
});

t.test("a package that is not installed, and a damaged package.json, are named", async (t) => {
  const folder = t.testdir({
    "package.json": json({ dependencies: { a: "1" } }),
    node_modules: { a: packed({ gone: "1" }) },
  });
  await t.rejects(appDependencies(folder), {
    code: "ERR_EDGEIMG_APP_DEPENDENCY",
    message: "The npm package gone, needed by a, is missing.",
    hint: /npm ci/,
  });
  await t.rejects(appDependencies(t.testdir({ "package.json": "[" })), {
    code: "ERR_EDGEIMG_APP_DEPENDENCY",
    message: "package.json is no package.json.",
  });
});

t.test("an app that imports npm packages is checked and bundled with them", async (t) => {
  const folder = t.testdir({
    "main.ts": 'import { twice } from "twice";\nconsole.log(twice("seen") satisfies string);\n',
    "package.json": json({ dependencies: { twice: "1" } }),
    node_modules: {
      twice: {
        "package.json": json({ main: "index.js", types: "index.d.ts", dependencies: { inner: "1" } }),
        "index.js": 'exports.twice = require("inner").twice;',
        "index.d.ts": "export declare function twice(text: string): string;\n",
      },
      inner: { "package.json": json({ main: "i.js" }), "i.js": "exports.twice = (text) => text + 'OFINNER' + text;" },
    },
    runtime: {
      "globals.json": readFileSync(new URL("../../../recipes/runtime/globals.json", import.meta.url), "utf8"),
      types: { "edge.d.ts": "declare const console: { log(text: string): void };\n" },
    },
    cache: {},
  });
  const services = await testServices(join(folder, "cache"));
  const plan = planBuilder();
  const localPath = (path: string) => join(folder, path);
  const local = (id: string, path: string) =>
    plan.add({ id, kind: "local", title: id, why: id, inputs: {}, params: { path: localPath(path), exclude: [] } });
  const project = local("project", "main.ts");
  const inputs = {
    project,
    ...dependencySteps(plan, { dependencies: await appDependencies(folder), localPath }),
    runtime: local("runtime", "runtime"),
    models: plan.add({ id: "models", kind: "model-types", title: "", why: "", inputs: {}, params: {} }),
  };
  const compilers = { typecheck: { typescript: "1" }, bundle: { esbuild: "1", typescript: "1" } };
  for (const [kind, versions] of Object.entries(compilers))
    plan.add({ id: kind, kind, title: kind, why: kind, inputs, params: { entry: "main.ts", ...versions } });
  const steps = [...plan.steps.values()];
  const results = await execute({ format: 1, steps, targets: {} }, ["typecheck", "bundle"], services);
  const bundle = join(treePath(services.store, results.get("bundle")?.digest ?? ""), "main.js");
  t.match(readFileSync(bundle, "utf8"), /OFINNER/);
});
