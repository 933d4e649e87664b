import { list, readFile, readText } from "edge:fs";
import { serve } from "edge:http";
import { decode } from "edge:image";
import { load } from "edge:nn";
import { env, report } from "edge:process";
import { parseDictionary } from "./ctc.js";
import { type Models, type Reading, read } from "./read.js";
import { createHandler, maxPictureBytes, PictureError } from "./server.js";

const pictures = "assets/pictures";

async function loadModels(): Promise<Models> {
  return {
    detect: await load("det"),
    direction: await load("cls"),
    recognize: await load("rec"),
    classes: parseDictionary(await readText("/models/rec/dictionary.txt")),
  };
}

async function readPicture(models: Models, bytes: ArrayBuffer): Promise<Reading & { ms: number }> {
  const start = performance.now();
  const image = await decode(bytes).catch((error: unknown) => {
    throw new PictureError(error instanceof Error ? error.message : String(error));
  });
  const reading = await read(models, image);
  return { ...reading, ms: Math.round(performance.now() - start) };
}

/** One result line for each picture that ships with the app; a broken picture is a result as well. */
async function readShipped(models: Models): Promise<void> {
  for (const file of (await list(pictures)).sort()) {
    try {
      report("result", { file, ...(await readPicture(models, await readFile(`${pictures}/${file}`))) });
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      report("result", { file, error: error.message });
    }
  }
}

const models = await loadModels();
await readShipped(models);
const page = await readText("assets/index.html");
const handler = createHandler({ page, read: (bytes) => readPicture(models, bytes) });
// Far too large bodies are cut off by the runtime; few connections bound the memory that waiting ones take.
const options = { port: Number(env.PORT ?? 80), maxBodyBytes: 2 * maxPictureBytes, maxConnections: 8 };
await serve(options, handler);
report("ready");
