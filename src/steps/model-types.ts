import type { ModelPorts } from "./model-ports.js";

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
export function modelTypes(models: Readonly<Record<string, ModelPorts>>): string {
  const members = (ports: ModelPorts["outputs"]) =>
    ports.map(({ name, type }) => `${JSON.stringify(name)}: Tensor<${arrays[type]}>`).join("; ");
  const lines = Object.entries(models).map(
    ([name, { inputs, outputs }]) =>
      `    ${JSON.stringify(name)}: ModelOf<{ ${members(inputs)} }, { ${members(outputs)} }>;\n`,
  );
  return `declare module "edge:nn" {\n  interface Models {\n${lines.join("")}  }\n}\n`;
}
