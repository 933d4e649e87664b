import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { buildStep } from "../../src/api/build/build-step.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { quietContext } from "../helpers/context.js";
import { scratchFolder } from "./lab.js";
import { type Setting, situations, unary } from "./model-situations.js";

/**
 * Each message of ERR_EDGEIMG_MODEL_*: the situation is made, the message says cause, place and remedy, and the remedy is followed, until the model
 * passes its check on the board's core.
 */
const folder = await scratchFolder("model-remedies");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const context = quietContext(folder, { env: process.env });

const usual: Setting = { engine: "onnxruntime", model: "onnx: m.onnx\n", files: { "m.onnx": unary("Relu") } };

/** Lays the project out and checks its model. */
async function check({ engine, model, files }: Setting): Promise<void> {
  const written = { ...files, "main.ts": "", "edgeimg.yaml": yaml({ engine, model }) };
  for (const [path, content] of Object.entries(written)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await buildStep(context, { step: "model-check/m", offline: false, locked: false });
}

function yaml({ engine, model }: Pick<Setting, "engine" | "model">): string {
  const lines = model.trimEnd().split("\n");
  return `format: 1\nname: t\nboard: qemu-a72\nengine: ${engine}\napp: { entry: main.ts }\nmodels:\n  m:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

const chosen = situations.filter(({ code, when }) => `${code}: ${when}`.includes(process.env.ONLY ?? ""));
for (const { code, when, says, at, hint, wrong, cure } of chosen)
  t.test(`${code}: ${when}`, async (t) => {
    const setting = { ...usual, ...wrong };
    const error: unknown = await check(setting).then(
      () => undefined,
      (one: unknown) => one,
    );
    if (!(error instanceof EdgeimgError)) return t.fail(`no error of ours: ${error}`);
    t.match({ code: error.code, message: error.message }, { code: `ERR_EDGEIMG_MODEL_${code}`, message: says });
    t.match(error.hint, hint);
    const text = await readFile(join(folder, "edgeimg.yaml"), "utf8");
    const { line = 0, column = 0, file } = error.place ?? { file: "" };
    t.match(file, /edgeimg\.yaml$/);
    t.equal((text.split("\n")[line - 1] ?? "").slice(column - 1).slice(0, at.length), at, "the place");
    await t.resolves(check({ ...setting, ...cure }), "the remedy");
  });
