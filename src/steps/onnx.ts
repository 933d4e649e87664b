import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { editOnnx } from "../formats/onnx-edit.js";
import * as z from "../ground/zod.js";
import { borderOf } from "../model/border.js";
import { readModel, withData } from "../model/external-data.js";
import { checkPorts } from "../model/ports.js";
import { checkVersions } from "../model/versions.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/**
 * Takes a model as the project names it to the one file that all later steps use, `model.onnx`: with the data that lie beside it put into it, and
 * inputs and outputs of types that an app has. Throws ERR_EDGEIMG_MODEL_NOT_ONNX, _VERSION, _PORTS, _DATA, _SIZE and _TYPE.
 */
export const onnxKind = defineKind({
  name: "onnx",
  version: 1,
  params: z.strictObject({
    name: z.string(),
    /** Its path in the input `source`. */
    path: z.string(),
    newest: z.strictObject({ version: z.string(), ir: z.int(), opset: z.int() }),
  }),
  async run({ name, path, newest }, context) {
    const called = `Model ${name}`;
    const source = join(inputFolder(context.inputs, "source"), path);
    const model = await readModel(source, called);
    checkVersions(model.file, newest, called);
    checkPorts(model.file, called);
    const whole = await withData(model, source, called);
    const { edit, notes } = borderOf(model.file, called);
    for (const note of notes) context.log("info", note);
    await writeFile(join(context.out, "model.onnx"), edit === undefined ? whole : editOnnx(whole, edit));
  },
});
