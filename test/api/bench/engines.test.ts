import t from "tap";
import { benchTargets } from "../../../src/api/bench/engines.js";
import { openProject } from "../../../src/api/session/open-project.js";
import { testContext } from "../../helpers/image-request.js";

const models = "models: { m: { onnx: m.onnx } }\n";

async function project(cwd: string) {
  return await openProject(testContext(cwd), { board: "qemu-a72", engine: "ncnn" });
}

t.test("without names: the verified engines that read the models, and that a core alone can run", async (t) => {
  const cwd = t.testdir({ "edgeimg.yaml": `format: 1\nname: toy\napp: { entry: main.ts }\n${models}` });
  const opened = await project(cwd);
  const engines = benchTargets(opened, []).map(({ engine }) => engine);
  t.ok(engines.length >= 7, engines.join(", "));
  for (const name of engines) {
    const recipe = opened.catalog.engines.get(name)?.recipe;
    t.same([recipe?.notVerified, recipe?.supports.accelerators], [undefined, []], name);
  }
  t.same(benchTargets(opened, ["mnn", "ncnn", "mnn"]), [
    { board: "qemu-a72", engine: "mnn" },
    { board: "qemu-a72", engine: "ncnn" },
  ]);
});

t.test("an engine that needs more than a core is refused by name", async (t) => {
  const cwd = t.testdir({ "edgeimg.yaml": `format: 1\nname: toy\napp: { entry: main.ts }\n${models}` });
  const opened = await project(cwd);
  const needy = [...opened.catalog.engines.values()].filter(({ recipe }) => recipe.supports.accelerators.length > 0);
  t.ok(needy.length >= 1);
  for (const { recipe } of needy)
    t.throws(() => benchTargets(opened, ["ncnn", recipe.name]), {
      code: "ERR_EDGEIMG_USAGE",
      message: `${recipe.title} cannot be compared: it needs ${recipe.supports.accelerators.join(", ")}, which nothing emulates.`,
    });
});

t.test("a project without models has nothing to compare", async (t) => {
  const cwd = t.testdir({ "edgeimg.yaml": "format: 1\nname: toy\napp: { entry: main.ts }\n" });
  const opened = await project(cwd);
  t.throws(() => benchTargets(opened, []), { code: "ERR_EDGEIMG_USAGE", message: /no models/ });
});
