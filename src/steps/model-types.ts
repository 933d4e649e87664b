import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import { defineKind } from "./kind.js";
import { type ModelPorts, readPorts } from "./model-ports.js";

/** The array in which `edge:nn` gives and takes each element type. */
const arrays: Readonly<Record<ModelPorts["outputs"][number]["type"], string>> = {
  f32: "Float32Array",
  i8: "Int8Array",
  u8: "Uint8Array",
  i32: "Int32Array",
  i64: "BigInt64Array",
};

/**
 * TypeScript declarations that tell `load` of `edge:nn` a project's models: their names, and the names and element types of their
 * inputs and outputs. They extend the interface `Models` of recipes/runtime/types/edge.d.ts. Names are data of a model's file and are
 * written as quoted texts only.
 */
export function modelTypes(models: Readonly<Record<string, Pick<ModelPorts, "inputs" | "outputs">>>): string {
  const members = (ports: ModelPorts["outputs"]) =>
    ports.map(({ name, type }) => `${JSON.stringify(name)}: Tensor<${arrays[type]}>`).join("; ");
  const lines = Object.entries(models).map(
    ([name, { inputs, outputs }]) =>
      `    ${JSON.stringify(name)}: ModelOf<{ ${members(inputs)} }, { ${members(outputs)} }>;\n`,
  );
  return `declare module "edge:nn" {\n  interface Models {\n${lines.join("")}  }\n}\n`;
}

/** The file that declares a project's models, in a step's result and in a project's `types/`. */
export const modelTypesFile = "models.d.ts";

/** Declares the types of a project's models; an input's name is the model's, and it has the model's ports. */
export const modelTypesKind = defineKind({
  name: "model-types",
  version: 1,
  params: z.strictObject({}),
  async run(_, { inputs, out }) {
    const names = Object.keys(inputs).sort();
    const ports = await Promise.all(names.map(async (name) => [name, await readPorts(inputs[name] ?? "")] as const));
    await writeFile(join(out, modelTypesFile), modelTypes(Object.fromEntries(ports)));
  },
});
