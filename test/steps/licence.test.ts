import { mkdirSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { execute } from "../../src/execute/execute.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";
import { testPlan, testServices } from "../helpers/services.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

t.test("a licence text that changed or is missing stops the build", async (t) => {
  const folder = t.testdir({ cache: {}, source: { LICENSE: "terms\n", link: t.fixture("symlink", "LICENSE") } });
  const compare = async (files: Record<string, string>) =>
    await execute(
      testPlan([
        { id: "source", kind: "local", params: { path: join(folder, "source") } },
        {
          id: "licence",
          kind: "licence",
          inputs: { source: "source" },
          params: { title: "Toy 1.0", spdx: "MIT", files },
        },
      ]),
      ["licence"],
      await testServices(join(folder, "cache")),
    );
  await t.resolves(compare({ LICENSE: sha256Text("terms\n") }));
  const refused = { code: "ERR_EDGEIMG_LICENSE_CHANGED", exitCode: 3 };
  await t.rejects(compare({ LICENSE: sha256Text("other terms\n") }), {
    ...refused,
    details: [`LICENSE has the sha256 ${sha256Text("terms\n")}, the recipe names ${sha256Text("other terms\n")}`],
  });
  await t.rejects(compare({ COPYING: sha256Text("terms\n") }), {
    ...refused,
    details: ["COPYING is not in the source"],
  });
  await t.rejects(compare({ link: sha256Text("terms\n") }), refused, "a link is no text");
});

t.test(
  "every build of an engine that names licence texts compares them, and prebuilt ones are unpacked with them",
  async (t) => {
    const folder = t.testdir();
    mkdirSync(join(folder, "recipes/engines/pre"), { recursive: true });
    await cp(join(home, "test/fixtures/engines/toy"), join(folder, "recipes/engines/toy"), { recursive: true });
    const hash = "a".repeat(64);
    writeFileSync(
      join(folder, "recipes/engines/pre/recipe.yaml"),
      `format: 1
name: pre
title: Pre
version: "1"
homepage: https://example.org
license: { spdx: MIT, files: { COPYING: ${hash} } }
sources: { main: { purl: "pkg:npm/pre@1.0.0", sha256: ${hash}, strip: 1 } }
build: { kind: prebuilt, files: { arm64: { lib/a.so: lib/a.so } } }
supports: { arch: [arm64] }
adapter: { sources: [adapter.c] }
model: { accepts: [onnx], tolerance: 0.1 }
`,
    );
    const text = "format: 1\nname: x\napp: { entry: main.ts }\n";
    for (const [engine, source, files] of [
      ["ncnn", "unpack/ncnn", ["LICENSE.txt"]],
      ["pre", "unpack/pre", ["COPYING"]],
    ] as const) {
      const request = await requestFor(folder, { board: "rpi4", engine, text });
      const plan = planImage(request, inventedLock(request));
      t.equal(plan.targets.licence, `licence/${engine}`);
      const step = plan.steps.find(({ id }) => id === `licence/${engine}`);
      t.same(step?.inputs, { source });
      t.same(Object.keys(Reflect.get(step?.params ?? {}, "files")), files);
      if (engine === "pre")
        t.match(plan.steps.find(({ id }) => id === source)?.params, { only: ["lib/a.so", "COPYING"] });
    }
    const toy = await requestFor(folder, { board: "rpi4", engine: "toy", text });
    t.notOk("licence" in planImage(toy, inventedLock(toy)).targets);
  },
);
