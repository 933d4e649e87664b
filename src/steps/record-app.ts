import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import { answerPictures, appPictures, pictureFiles } from "./app-pictures.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const params = appPictures.extend({
  /** A file of the input of that name. */
  recorder: z.string(),
  models: z.array(z.string()),
});

/**
 * Runs the app on this machine, sends pictures to it, and keeps what it feeds to its models meanwhile: MODEL/INPUT/RUN.npy, inputs counted from 0 in the
 * model's order. What it feeds to them before it is ready does not count. Throws ERR_EDGEIMG_MODEL_QUANTIZE_RECORD.
 */
export const recordAppKind = defineKind({
  name: "record-app",
  version: 1,
  // What one model is fed may come of another one's results, whose last digits depend on the processor.
  varies: true,
  params,
  async run(job, context) {
    const { recorder, models, ...app } = job;
    const pictures = await pictureFiles(job, context);
    const raw = join(context.work, "recorded");
    await mkdir(raw);
    const file = (input: string, name: string) => join(inputFolder(context.inputs, input), name);
    const work = {
      models: file("models", "data/models"),
      engine: file("recorder", recorder),
      env: { EDGE_RECORD_ENGINE: file("engine", "libedge_nn.so"), EDGE_RECORD_FOLDER: raw },
      onReady: () => forget(raw),
    };
    await answerPictures(app, context, { pictures, work });
    for (const model of models) await keepModel(model, { raw, out: context.out });
  },
});

/** Takes away what was recorded so far. */
async function forget(raw: string): Promise<void> {
  for (const name of await readdir(raw)) await rm(join(raw, name), { recursive: true });
}

/** Puts a model's runs into the result, counted from 0: the recorder counts over all models. */
async function keepModel(model: string, { raw, out }: { readonly raw: string; readonly out: string }): Promise<void> {
  const inputs = await readdir(join(raw, model)).catch(() => []);
  for (const input of inputs) {
    await mkdir(join(out, model, input), { recursive: true });
    for (const [index, file] of (await readdir(join(raw, model, input))).sort().entries())
      await rename(join(raw, model, input, file), join(out, model, input, `${String(index).padStart(6, "0")}.npy`));
  }
}
