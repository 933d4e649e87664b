import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { buildImage } from "../../../src/api/build/build.js";
import { planImage } from "../../../src/api/build/plan.js";
import { imageRequest, openProject } from "../../../src/api/session/open-project.js";
import { planImage as makePlan } from "../../../src/builders/debian/plan-image.js";
import { EdgeimgError } from "../../../src/errors/edgeimg-error.js";
import { execute } from "../../../src/execute/execute.js";
import { treePath } from "../../../src/store/store.js";
import { inventedLock, testContext } from "../../helpers/image-request.js";
import { testServices } from "../../helpers/services.js";

const head = "format: 1\nname: x\nboard: rpi4\nengine: ncnn\napp:\n  entry: src/main.ts\n";

/** What planning says to a project; nothing may be asked or written before. */
async function said(folder: string, yaml: string): Promise<{ code: string; text: string }> {
  await writeFile(join(folder, "edgeimg.yaml"), yaml);
  const error = await planImage(testContext(folder), { offline: true, locked: false }).catch(
    (caught: unknown) => caught,
  );
  if (!(error instanceof EdgeimgError)) throw error;
  const { place, message, details } = error;
  return { code: error.code, text: [`${place?.line}:${place?.column} ${message}`, ...details].join("\n") };
}

t.test("names and files that are not there: their places, and what was meant", async (t) => {
  const folder = t.testdir({ src: { "main.ts": "" }, models: { "det.onnx": "" }, assets: { "a.png": "" } });
  const zone = await said(folder, `${head}system:\n  timezone: Europe/Berln\n`);
  t.same(zone, {
    code: "ERR_EDGEIMG_UNKNOWN_NAME",
    text: '8:13 `system.timezone`: there is no time zone "Europe/Berln". Did you mean "Europe/Berlin"?',
  });
  t.match((await said(folder, `${head}system: { timezone: US/Eastern }\n`)).text, /^7:21 .*no time zone/);
  const entry = await said(folder, head.replace("src/main.ts", "src/mian.ts"));
  t.same(entry, {
    code: "ERR_EDGEIMG_PROJECT_FILE",
    text: '6:10 `app.entry`: src/mian.ts does not exist. Did you mean "src/main.ts"?',
  });
  t.equal(
    (await said(folder, head.replace("src/main.ts", "srcs/main.ts"))).text,
    '6:10 `app.entry`: srcs/main.ts does not exist. Did you mean "src/main.ts"?',
  );
  t.equal((await said(folder, head.replace("src/main.ts", "src"))).text, "6:10 `app.entry`: src is no file.");
  const files = `${head}  assets: [asets]\nmodels:\n  m:\n    onnx: models/dat.onnx\n    files: { l.txt: l.txt }\n`;
  t.equal(
    (await said(folder, files)).text,
    [
      '7:12 `app.assets[0]`: asets does not exist. Did you mean "assets"?',
      'edgeimg.yaml:10:11: `models.m.onnx`: models/dat.onnx does not exist. Did you mean "models/det.onnx"?',
      "edgeimg.yaml:11:21: `models.m.files.l.txt`: l.txt does not exist.",
    ].join("\n"),
  );
  const ports = "inputs: { x: { type: f32, dims: [1] } }, outputs: { y: { type: f32 } }";
  t.same(await said(folder, `${head}models: { m: { format: mnm, file: models/det.onnx, ${ports} } }\n`), {
    code: "ERR_EDGEIMG_UNKNOWN_NAME",
    text: '7:24 `models.m.format`: nothing reads models of the format "mnm". Did you mean "mnn"?',
  });
  t.equal(
    (await said(folder, `${head}models: { m: { format: mnn, file: models/dat.onnx, ${ports} } }\n`)).text,
    '7:35 `models.m.file`: models/dat.onnx does not exist. Did you mean "models/det.onnx"?',
  );
  t.notOk(existsSync(join(folder, "edgeimg.lock")), "no lock is written");
  t.same((await readdir(folder)).sort(), ["assets", "edgeimg.yaml", "models", "src"], "nor anything else");
  const build = await buildImage(testContext(folder), { offline: true, locked: false }).catch(
    (error: unknown) => error,
  );
  t.match(build, { code: "ERR_EDGEIMG_PROJECT_FILE" });
  t.notOk(existsSync(join(folder, "out")));
});

t.test("results are no part of the app, wherever --out puts them; what lies beside them is", async (t) => {
  for (const out of ["src", "assets/out", ".", "assets", "out"]) {
    const folder = t.testdir();
    for (const one of [
      "src",
      "assets/out/rpi4-ncnn",
      "assets/rpi4-ncnn",
      "src/rpi4-ncnn",
      "rpi4-ncnn",
      "out/rpi4-ncnn",
    ])
      await mkdir(join(folder, one), { recursive: true });
    await mkdir(join(folder, out, "rpi4-ncnn"), { recursive: true });
    for (const file of ["src/main.ts", "assets/a.png", "assets/out/b.png", `${out}/rpi4-ncnn/manifest.json`])
      await writeFile(join(folder, file), "export {};");
    await writeFile(join(folder, "edgeimg.yaml"), `${head}  assets: [assets]\n`);
    const request = imageRequest(await openProject(testContext(folder), { out }));
    const plan = makePlan({ ...request, exclude: [...request.exclude, ".cache"] }, inventedLock(request));
    const services = await testServices(join(folder, ".cache"));
    const read = async (id: string) => {
      const result = (await execute(plan, [id], services)).get(id);
      const names = await readdir(treePath(services.store, result?.digest ?? ""), { recursive: true });
      return names.filter((name) => !name.startsWith(".cache"));
    };
    const project = await read("local/project");
    t.ok(project.includes("src/main.ts"), `--out ${out}: the entry is there`);
    t.notOk(
      project.some((name) => name.endsWith("manifest.json")),
      `--out ${out}: no results in the app`,
    );
    const assets = await read("local/assets/assets");
    t.ok(assets.includes("a.png") && assets.includes("out/b.png"), `--out ${out}: the assets are there`);
    t.notOk(
      assets.some((name) => name.endsWith("manifest.json")),
      `--out ${out}: no results among the assets`,
    );
  }
});

t.test("an asset folder that holds the app's sources does not take them away", async (t) => {
  const folder = t.testdir({ src: { "main.ts": "export {};" } });
  await writeFile(join(folder, "edgeimg.yaml"), `${head}  assets: [src]\n`);
  const request = imageRequest(await openProject(testContext(folder), {}));
  const plan = makePlan({ ...request, exclude: [...request.exclude, ".cache"] }, inventedLock(request));
  const services = await testServices(join(folder, ".cache"));
  const result = (await execute(plan, ["local/project"], services)).get("local/project");
  t.ok(existsSync(join(treePath(services.store, result?.digest ?? ""), "src/main.ts")));
});
