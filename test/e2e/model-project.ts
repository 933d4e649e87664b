import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildStep } from "../../src/api/build/build-step.js";
import { quietContext } from "../helpers/context.js";

/** A project's files, but for its app: what lies under `models: { m: ... }`, and the files beside edgeimg.yaml. */
export interface Setting {
  readonly engine: string;
  /** Lines below `m:`. */
  readonly model: string;
  /** A number is a file of that many zero bytes. */
  readonly files: Readonly<Record<string, Uint8Array | string | number>>;
}

/** Lays a project out in a folder, and converts and checks its model as a build does. */
export async function checkModel(folder: string, { engine, model, files }: Setting): Promise<void> {
  const written = { ...files, "main.ts": "", "edgeimg.yaml": yaml({ engine, model }) };
  for (const [path, content] of Object.entries(written)) {
    const file = join(folder, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, typeof content === "number" ? "" : content);
    if (typeof content === "number") await truncate(file, content);
  }
  const context = quietContext(folder, { env: process.env });
  await buildStep(context, { step: "model-check/m", offline: false, locked: false });
}

function yaml({ engine, model }: Pick<Setting, "engine" | "model">): string {
  const lines = model.trimEnd().split("\n");
  return `format: 1\nname: t\nboard: qemu-a72\nengine: ${engine}\napp: { entry: main.ts }\nmodels:\n  m:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}
