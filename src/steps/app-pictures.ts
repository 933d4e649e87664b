import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import type { ConsoleLine } from "../device/console.js";
import { freePort } from "../device/free-port.js";
import { type HostCommand, hostCommand, startHostApp } from "../device/host-app.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { mediaType } from "../formats/media-type.js";
import * as z from "../ground/zod.js";
import type { StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

/** What a step needs to run the app on this machine and send pictures to it. Its inputs: app, runtime, sysroot, pictures, and `kernels0` and so on. */
export const appPictures = z.strictObject({
  /** The first words of the command; `{sysroot}` is that input's folder. */
  launcher: z.array(z.string()),
  /** Files of the inputs `runtime`, and of `kernels0` and so on. */
  runtime: z.string(),
  kernels: z.array(z.string()),
  settings: z.strictObject({ board: z.string(), timezone: z.string(), env: z.record(z.string(), z.string()) }),
  /** In the input `pictures`; a folder of the project is that tree itself. */
  pictures: z.strictObject({ path: z.string(), local: z.boolean() }),
  to: z.string(),
});
type AppPictures = z.infer<typeof appPictures>;

/** Milliseconds until the app is ready, and until it has answered one picture. */
const patience = 300_000;
/** Bytes of an answer. */
const answerLimit = 2 ** 20;

export interface AppAtWork {
  /** Folders and files that are not those of the inputs. */
  readonly models: string;
  readonly engine: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Told once, before the first picture is sent. */
  readonly onReady?: () => Promise<void>;
  /** Told of each answer, in the order of the pictures' names. */
  readonly onAnswer?: (picture: string, text: string) => void;
}

export interface Picture {
  readonly name: string;
  readonly path: string;
}

/** Pictures by name. Throws ERR_EDGEIMG_MODEL_QUANTIZE_RECORD where there are none. */
export async function pictureFiles(
  { pictures }: Pick<AppPictures, "pictures">,
  { inputs }: StepContext,
): Promise<readonly Picture[]> {
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

/** Starts the app, sends it the pictures one by one when it is ready, and ends it. Throws ERR_EDGEIMG_MODEL_QUANTIZE_RECORD. */
export async function answerPictures(
  job: AppPictures,
  context: StepContext,
  { pictures, work }: { readonly pictures: readonly Picture[]; readonly work: AppAtWork },
): Promise<void> {
  const { signal } = context.services;
  for (const folder of ["data/app", "tmp"]) await mkdir(join(context.work, folder), { recursive: true });
  const port = await freePort();
  const said: string[] = [];
  let ready = false;
  const app = startHostApp(commandOf(job, context, { work, port }), {
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
    await work.onReady?.();
    for (const [index, { name, path }] of pictures.entries()) {
      const answer = await post(`http://127.0.0.1:${port}${job.to}`, { name, path, signal });
      signal.throwIfAborted();
      if (end !== undefined) throw await failed(`The app ended when ${name} was sent to it (${end}).`, runHint);
      if (typeof answer === "string")
        throw await failed(`The app does not answer ${name} at ${job.to}: ${answer}.`, runHint);
      if (answer.status >= 300)
        throw await failed(
          `The app answers ${name} at ${job.to} with status ${answer.status}: ${answer.text.slice(0, 200)}`,
          `Take ${name} out if it is none of the app's pictures, or correct \`to\`: each picture is posted there as it is.`,
        );
      work.onAnswer?.(name, answer.text);
      context.progress(index + 1, pictures.length, "files");
    }
  } finally {
    app.end();
    await ended;
  }
}

const runHint = "Run it with `edgeimg run --host`, which shows its console, and correct it.";

function commandOf(
  job: AppPictures,
  { inputs, work: folder }: StepContext,
  { work, port }: { readonly work: AppAtWork; readonly port: number },
): HostCommand {
  const file = (input: string, name: string) => join(inputFolder(inputs, input), name);
  const { command, env } = hostCommand(
    {
      launcher: job.launcher.map((word) => word.replaceAll("{sysroot}", inputFolder(inputs, "sysroot"))),
      runtime: file("runtime", job.runtime),
      app: file("app", "data/app"),
      ...{ models: work.models, engine: work.engine },
      kernels: job.kernels.map((name, index) => file(`kernels${index}`, name)),
    },
    job.settings,
    { data: join(folder, "data"), tmp: join(folder, "tmp"), port },
  );
  return { command, env: { ...env, ...work.env } };
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
    return { status: response.statusCode, text: (await response.body.text()).slice(0, answerLimit) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
