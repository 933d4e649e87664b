import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import type { ConsoleLine } from "../device/console.js";
import { freePort } from "../device/free-port.js";
import { type HostCommand, hostCommand, startHostApp } from "../device/host-app.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { mediaType } from "../formats/media-type.js";
import * as z from "../ground/zod.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  /** The first words of the command; `{sysroot}` is that input's folder. */
  launcher: z.array(z.string()),
  /** Files of the inputs `runtime` and `recorder`, and of `kernels0` and so on. */
  runtime: z.string(),
  recorder: z.string(),
  kernels: z.array(z.string()),
  settings: z.strictObject({ board: z.string(), timezone: z.string(), env: z.record(z.string(), z.string()) }),
  /** In the input `pictures`; a folder of the project is that tree itself. */
  pictures: z.strictObject({ path: z.string(), local: z.boolean() }),
  to: z.string(),
  models: z.array(z.string()),
});
type Params = z.infer<typeof params>;

/** Milliseconds until the app is ready, and until it has answered one picture. */
const patience = 300_000;
/** Bytes: more than a picture has. */
const answerLimit = 2 ** 20;

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
    const pictures = await pictureFiles(job, context);
    const raw = join(context.work, "recorded");
    for (const folder of [raw, join(context.work, "data/app"), join(context.work, "tmp")])
      await mkdir(folder, { recursive: true });
    await recordApp(job, context, { pictures, raw });
    for (const model of job.models) await keepModel(model, { raw, out: context.out });
  },
});

/** Pictures by name, with their paths. */
async function pictureFiles({ pictures }: Params, { inputs }: StepContext) {
  const tree = inputFolder(inputs, "pictures");
  const folder = pictures.local ? tree : join(tree, pictures.path);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.flatMap((one) => (one.isFile() && !one.name.startsWith(".") ? [one.name] : [])).sort();
  if (names.length === 0)
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_QUANTIZE_RECORD", `There is no picture in ${pictures.path}.`, {
      hint: "Put pictures there that the app is likely to see: thirty to a hundred are usual.",
    });
  return names.map((name) => ({ name, path: join(folder, name) }));
}

interface Recording {
  readonly pictures: Awaited<ReturnType<typeof pictureFiles>>;
  /** Where the recorder writes to. */
  readonly raw: string;
}

async function recordApp(job: Params, context: StepContext, { pictures, raw }: Recording): Promise<void> {
  const { signal } = context.services;
  const port = await freePort();
  const said: string[] = [];
  let ready = false;
  const app = startHostApp(commandOf(job, context, { raw, port }), {
    cwd: join(context.work, "data/app"),
    signal,
    tell: ({ text, milestone }: ConsoleLine) => {
      said.push(text);
      if (said.length > 12) said.shift();
      if (milestone?.name === "ready") ready = true;
    },
  });
  let end: string | undefined;
  const ended = app.ended.then(({ exitCode, reason }) => {
    end = exitCode === 0 ? "exit code 0" : reason;
  });
  // It ends first: what it said last is on its way still, and tells the most.
  const failed = async (message: string, hint: string) => {
    app.end();
    await ended;
    return new EdgeimgError("ERR_EDGEIMG_MODEL_QUANTIZE_RECORD", message, { details: said.slice(-6), hint });
  };
  try {
    for (let waited = 0; !ready; waited += 20) {
      signal.throwIfAborted();
      if (end !== undefined) throw await failed(`The app ended before it was ready (${end}).`, runHint);
      if (waited > patience) throw await failed(`The app was not ready within ${patience / 1000} seconds.`, runHint);
      await sleep(20);
    }
    await forget(raw);
    for (const [index, { name, path }] of pictures.entries()) {
      const answer = await post(`http://127.0.0.1:${port}${job.to}`, { name, path, signal });
      signal.throwIfAborted();
      if (end !== undefined) throw await failed(`The app ended when ${name} was sent to it (${end}).`, runHint);
      if (typeof answer === "string")
        throw await failed(`The app does not answer ${name} at ${job.to}: ${answer}.`, runHint);
      if (answer.status >= 300)
        throw await failed(
          `The app answers ${name} at ${job.to} with status ${answer.status}: ${answer.text}`,
          `Take ${name} out if it is none of the app's pictures, or correct \`to\`: each picture is posted there as it is.`,
        );
      context.progress(index + 1, pictures.length, "files");
    }
  } finally {
    app.end();
    await ended;
  }
}

const runHint = "Run it with `edgeimg run --host`, which shows its console, and correct it.";

function commandOf(
  job: Params,
  { inputs, work }: StepContext,
  { raw, port }: { readonly raw: string; readonly port: number },
): HostCommand {
  const file = (input: string, name: string) => join(inputFolder(inputs, input), name);
  const { command, env } = hostCommand(
    {
      launcher: job.launcher.map((word) => word.replaceAll("{sysroot}", inputFolder(inputs, "sysroot"))),
      runtime: file("runtime", job.runtime),
      app: file("app", "data/app"),
      models: file("models", "data/models"),
      engine: file("recorder", job.recorder),
      kernels: job.kernels.map((name, index) => file(`kernels${index}`, name)),
    },
    job.settings,
    { data: join(work, "data"), tmp: join(work, "tmp"), port },
  );
  const recorder = { EDGE_RECORD_ENGINE: file("engine", "libedge_nn.so"), EDGE_RECORD_FOLDER: raw };
  return { command, env: { ...env, ...recorder } };
}

/** Takes away what was recorded so far. */
async function forget(raw: string): Promise<void> {
  for (const name of await readdir(raw)) await rm(join(raw, name), { recursive: true });
}

/** Sends a picture. Gives why there is no answer, in words. */
async function post(
  url: string,
  { name, path, signal }: { readonly name: string; readonly path: string; readonly signal: AbortSignal },
): Promise<{ readonly status: number; readonly text: string } | string> {
  try {
    const response = await request(url, {
      ...{ method: "POST", signal, headersTimeout: patience, bodyTimeout: patience },
      body: await readFile(path),
      headers: { "content-type": mediaType(name) },
    });
    const text = (await response.body.text()).slice(0, answerLimit);
    return { status: response.statusCode, text: text.slice(0, 200) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
