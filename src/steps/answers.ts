import { access, cp, lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { type Answers, answersFile } from "../quantize/accuracy.js";
import { answerPictures, appPictures, pictureFiles } from "./app-pictures.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = appPictures.extend({
  /** In the input `labels`. */
  labels: z.string(),
  /** The key of the app's answers, and those that lead to it. */
  answer: z.array(z.string()).min(1),
  /** The model in whose place the one of the input `quantized` is put; absent: all are as they were. */
  quantized: z.string().optional(),
});
type Params = z.infer<typeof params>;

/** Bytes: a million labels of some words. */
const labelsLimit = 2 ** 26;
/** Characters of one label or answer: time to compare them grows with their product. */
const textLimit = 5000;

/**
 * Runs the app on this machine and keeps what it answers to pictures beside what is right, `answers.json`. Throws
 * ERR_EDGEIMG_MODEL_QUANTIZE_RECORD and ERR_EDGEIMG_MODEL_QUANTIZE_LABELS.
 */
export const answersKind = defineKind({
  name: "answers",
  version: 1,
  // A result's last digits depend on the processor.
  varies: true,
  params,
  async run(job, context) {
    const { labels: file, answer: keys, quantized, ...app } = job;
    const pictures = await pictureFiles(job, context);
    const labels = await readLabels(job, context);
    const names = new Set(pictures.map(({ name }) => name));
    const alone = [...names].filter((name) => !labels.has(name));
    const without = [...labels.keys()].filter((name) => !names.has(name));
    if (alone.length + without.length > 0)
      throw wrong(`${file} and ${job.pictures.path} do not have the same pictures.`, [
        ...alone.slice(0, 3).map((name) => `${name} has no label`),
        ...without.slice(0, 3).map((name) => `${name} is no file`),
      ]);
    const answers: Answers = [];
    const work = {
      models: await modelsOf(quantized, context),
      engine: join(inputFolder(context.inputs, "engine"), "libedge_nn.so"),
      onAnswer: (picture: string, text: string) => {
        const label = labels.get(picture);
        if (label === undefined) throw new Error(`${picture} has no label`);
        answers.push({ picture, label, answer: answerOf(text, { picture, keys }) });
      },
    };
    await answerPictures(app, context, { pictures, work });
    await writeFile(join(context.out, "answers.json"), `${canonicalJson(answersFile.parse({ answers }))}\n`);
  },
});

/** The folder of the models that the app loads. */
async function modelsOf(quantized: string | undefined, { inputs, work }: StepContext): Promise<string> {
  const given = join(inputFolder(inputs, "models"), "data/models");
  if (quantized === undefined) return given;
  const models = join(work, "models");
  await cp(given, models, { recursive: true });
  const file = join(models, quantized, `${quantized}.onnx`);
  // Or the app would be judged with the model that it had.
  await access(file);
  await cp(join(inputFolder(inputs, "quantized"), "model.onnx"), file, { force: true });
  return models;
}

async function readLabels({ labels: file }: Params, { inputs }: StepContext): Promise<ReadonlyMap<string, string>> {
  const path = join(inputFolder(inputs, "labels"), file);
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw wrong(`${file} is no file.`);
  if (found.size > labelsLimit) throw wrong(`${file} has ${found.size} bytes, more than ${labelsLimit}.`);
  const text = await readFile(path, "utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong(`${file} is no JSON.`);
  }
  const read = z.record(z.string(), z.union([z.string().max(textLimit), z.number()])).safeParse(json);
  if (!read.success) throw wrong(`${file} is no object of texts or numbers of at most ${textLimit} characters.`);
  return new Map(Object.entries(read.data).map(([name, label]) => [name, `${label}`]));
}

/** What an answer has under a key. A text that is too long is cut: it is wrong all the same. */
function answerOf(text: string, of: { readonly picture: string; readonly keys: readonly string[] }): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(`The app's answer to ${of.picture} is no JSON: ${text.slice(0, 200)}`);
  }
  for (const key of of.keys)
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return `${value}`.slice(0, textLimit);
  throw wrong(
    `The app's answer to ${of.picture} has no text or number under ${of.keys.join(".")}: ${text.slice(0, 200)}`,
  );
}

function wrong(message: string, details: readonly string[] = []): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_MODEL_QUANTIZE_LABELS", message, {
    details,
    hint: '`labels` is a JSON file with one answer for each file of `pictures`: { "01.png": "HARBOR" }; `answer` is the key of what the app answers.',
  });
}
