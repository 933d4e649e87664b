import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { writeTypes } from "../../../src/api/build/types.js";
import { staleTypes } from "../../../src/api/session/editor-files.js";
import { modelTypes } from "../../../src/steps/model-types.js";
import { testContext } from "../../helpers/image-request.js";

const home = fileURLToPath(new URL("../../../", import.meta.url));
const options = { offline: true, locked: true };
const all = [".edgeimg/project.schema.json", "types/edge.d.ts", "types/models.d.ts"];
const tsc = (folder: string) =>
  spawnSync(process.execPath, [join(home, "node_modules/typescript/lib/tsc.js"), "-p", folder], { encoding: "utf8" });

t.test("a copied example has no types until `edgeimg types`, which says what editors still lack", async (t) => {
  const folder = t.testdir({});
  cpSync(join(home, "examples/kernels-tour"), folder, { recursive: true });
  t.match(tsc(folder).stdout, /error TS2307: Cannot find module 'edge:kernels'/);
  const result = await writeTypes(testContext(folder), options);
  t.match(result, { folder, files: all, written: all, models: [] });
  t.same(result.unread, [
    { file: "edgeimg.yaml", line: "# yaml-language-server: $schema=.edgeimg/project.schema.json" },
  ]);
  t.match(tsc(folder), { status: 0, stdout: "" });
});

t.test("what was changed, or came from another edgeimg, is written anew, with the same bytes", async (t) => {
  const folder = t.testdir({
    "edgeimg.yaml": `# yaml-language-server: $schema=.edgeimg/project.schema.json
format: 1
name: x
board: rpi4
engine: ncnn
app: { entry: main.ts }
`,
    "main.ts": "export {};\n",
    "tsconfig.json": '{ "include": ["*.ts"] }',
  });
  const context = testContext(folder);
  const first = await writeTypes(context, options);
  t.same(first.unread, [{ file: "tsconfig.json", line: '"include": ["src", "types"]' }]);
  const bytes = () => all.map((path) => readFileSync(join(folder, path), "utf8"));
  const before = bytes();
  t.same((await writeTypes(context, options)).written, []);
  t.equal(await staleTypes(folder, modelTypes({})), undefined, "a build has nothing to say");
  writeFileSync(join(folder, "types/edge.d.ts"), "// of an older edgeimg\n");
  t.match(await staleTypes(folder, modelTypes({})), /^types\/edge\.d\.ts: .*`edgeimg types`/);
  t.same((await writeTypes(context, options)).written, ["types/edge.d.ts"]);
  t.same(bytes(), before);
  const other = modelTypes({ classify: { inputs: [], outputs: [] } });
  t.match(await staleTypes(folder, other), /^types\/models\.d\.ts: /);
  rmSync(join(folder, "tsconfig.json"));
  t.equal(await staleTypes(folder, other), undefined, "nobody edits it with types");
});

t.test("without a project nothing is written", async (t) => {
  await t.rejects(writeTypes(testContext(t.testdir({})), options), { code: "ERR_EDGEIMG_CONFIG_MISSING" });
});
