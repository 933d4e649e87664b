import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildStep } from "../../src/api/build/build-step.js";
import { quietContext } from "../helpers/context.js";
import { type TinyModel, tinyOnnx } from "../model/onnx-builder.js";

/** Files by their paths; a number is a file of that many zero bytes. */
type Files = Readonly<Record<string, Uint8Array | string | number>>;

/** A project's files: what lies under `models: { m: ... }`, and the files beside edgeimg.yaml. */
export interface Setting {
  readonly engine: string;
  /** Lines below `m:`. */
  readonly model: string;
  readonly files: Files;
}

/** Lays a project out in a folder, and converts and checks its model as a build does. */
export async function checkModel(folder: string, { engine, model, files }: Setting): Promise<void> {
  const lines = model.trimEnd().split("\n");
  const models = `models:\n  m:\n${lines.map((line) => `    ${line}\n`).join("")}`;
  await writeFiles(folder, { "main.ts": "", ...files, "edgeimg.yaml": yaml("qemu-a72", engine, models) });
  await stepsOf(folder)("model-check/m");
}

export interface TinyProject {
  readonly board?: string;
  readonly engine: string;
  /** Each becomes an ONNX file of its name. */
  readonly onnx: Readonly<Record<string, TinyModel>>;
  /** What is declared of them, by name. */
  readonly inputs?: Readonly<Record<string, object>>;
  /** Models that are no ONNX, as they stand under `models`. */
  readonly others?: Readonly<Record<string, object>>;
}

/** Lays out a project of models of a few nodes. Gives what makes one step of its build: the step's tree. */
export async function tinyProject(folder: string, project: TinyProject): Promise<(step: string) => Promise<string>> {
  const { board = "qemu-a72", engine, onnx, inputs = {}, others = {} } = project;
  const listed = Object.keys(onnx).map((name) => {
    const declared = inputs[name];
    return [name, { onnx: `${name}.onnx`, ...(declared === undefined ? {} : { inputs: declared }) }] as const;
  });
  const models = `models: ${JSON.stringify({ ...Object.fromEntries(listed), ...others })}\n`;
  await writeFiles(folder, {
    ...Object.fromEntries(Object.entries(onnx).map(([name, model]) => [`${name}.onnx`, tinyOnnx(model)])),
    "main.ts": "",
    "edgeimg.yaml": yaml(board, engine, models),
  });
  return stepsOf(folder);
}

const yaml = (board: string, engine: string, models: string) =>
  `format: 1\nname: t\nboard: ${board}\nengine: ${engine}\napp: { entry: main.ts }\n${models}`;

function stepsOf(folder: string): (step: string) => Promise<string> {
  const context = quietContext(folder, { env: process.env });
  return async (step) => (await buildStep(context, { step, offline: false, locked: false })).path;
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, typeof content === "number" ? "" : content);
    if (typeof content === "number") await truncate(file, content);
  }
}
