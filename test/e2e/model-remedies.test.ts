import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { scratchFolder } from "./lab.js";
import { checkModel, type Setting } from "./model-project.js";
import { situations, unary } from "./model-situations.js";

/**
 * Each message of ERR_EDGEIMG_MODEL_*: the situation is made, the message says cause, place and remedy, and the remedy is followed, until the model
 * passes its check on the board's core.
 */
const folder = await scratchFolder("model-remedies");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const usual: Setting = { engine: "onnxruntime", model: "onnx: m.onnx\n", files: { "m.onnx": unary("Relu") } };

for (const { code, when, says, at, hint, wrong, cure } of situations)
  t.test(`${code}: ${when}`, async (t) => {
    const setting = { ...usual, ...wrong };
    const error: unknown = await checkModel(folder, setting).then(
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
    await t.resolves(checkModel(folder, { ...setting, ...cure }), "the remedy");
  });
