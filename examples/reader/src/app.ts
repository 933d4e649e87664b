import { list, readFile, readText } from "edge:fs";
import { serve } from "edge:http";
import { decode, type Image } from "edge:image";
import { engine, type Model } from "edge:nn";
import { board, env, report } from "edge:process";
import { packageName } from "./package-name.js";
import { createHandler, maxPictureBytes, PictureError } from "./server.js";

/** What one example is, beside the page and the server that all have. */
export interface App {
  readonly title: string;
  readonly summary: string;
  /** Pictures are posted to this path. */
  readonly action: string;
  /** The key of `answer`'s result that holds what was found: `{ text, score, box? }` each, a box being corners in pixels. */
  readonly results: string;
  /** What the list of them is called. */
  readonly itemsLabel: string;
  /** What the page says of none, one and several: "No text found", "line", "lines". */
  readonly counts: readonly [none: string, one: string, many: string];
  readonly models: readonly Pick<Model, "name" | "inputs">[];
  /** Rejects only when a model cannot run. */
  readonly answer: (image: Image) => Promise<object>;
}

const pictures = "assets/pictures";

/** Answers the pictures that ship with the app, one result line each, then serves the page. */
export async function start(app: App): Promise<void> {
  const answer = async (bytes: ArrayBuffer): Promise<object> => {
    const begun = performance.now();
    const image = await decode(bytes).catch((error: unknown) => {
      throw new PictureError(error instanceof Error ? error.message : String(error));
    });
    const found = await app.answer(image);
    return { ...found, ms: Math.round(performance.now() - begun) };
  };
  const samples = await readFolder(pictures);
  for (const [file, bytes] of samples) {
    try {
      report("result", { file, ...(await answer(bytes)) });
    } catch (error) {
      // A broken picture is a result as well.
      if (!(error instanceof PictureError)) throw error;
      report("result", { file, error: error.message });
    }
  }
  const { title, summary, action, results, itemsLabel, counts } = app;
  const about = {
    ...{ title, summary, action, results, itemsLabel, counts, samples: [...samples.keys()], board },
    engine: { name: engine.name, version: engine.version },
    models: await Promise.all(app.models.map(describe)),
  };
  const handler = createHandler({ page: await readFolder("assets/page"), samples, about, action, answer });
  // Far too large bodies are cut off by the runtime; few connections bound the memory that waiting ones take.
  const options = { port: Number(env.PORT ?? 80), maxBodyBytes: 2 * maxPictureBytes, maxConnections: 8 };
  await serve(options, handler);
  report("ready");
}

async function readFolder(folder: string): Promise<Map<string, ArrayBuffer>> {
  const files = new Map<string, ArrayBuffer>();
  for (const name of (await list(folder)).sort()) files.set(name, await readFile(`${folder}/${name}`));
  return files;
}

/** The package that a model came from, which edgeimg.yaml puts beside it, and the sizes of its inputs. */
async function describe({ name, inputs }: Pick<Model, "name" | "inputs">): Promise<{ name: string; what: string }> {
  const notes = [];
  for (const file of await list(`/models/${name}`)) {
    const found = packageName(
      file,
      /^(package\.json|METADATA)$/.test(file) ? await readText(`/models/${name}/${file}`) : "",
    );
    if (found !== undefined) notes.push(found);
  }
  const sides = ({ min, max }: { min: number; max: number }) => (min === max ? `${min}` : `${min} to ${max}`);
  for (const input of inputs) notes.push(`input ${input.dimensions.map(sides).join("\u00a0×\u00a0")}`);
  return { name, what: notes.join(", ") };
}
