import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { elementType } from "../catalog/converter.js";
import { operatorsOf } from "../formats/onnx-operators.js";
import * as z from "../ground/zod.js";
import { readModel } from "../model/external-data.js";
import { resolveInputs, resolveOutputs } from "../model/inputs.js";
import { inputFacts, narrowed } from "../model/probe.js";
import { inspectOnnx } from "../model/reference.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const dimension = z.strictObject({ min: z.int(), max: z.int(), step: z.int() });
export const shapeSet = z.union([
  z.strictObject({ dims: z.array(dimension) }),
  z.strictObject({ shapes: z.array(z.array(z.int())) }),
]);

const port = z.strictObject({ name: z.string(), type: elementType });

/** `ports.json`: what a model takes and gives, with the shapes that the project declares. */
const modelPorts = z.strictObject({
  inputs: z.array(port.extend({ allowed: shapeSet })),
  outputs: z.array(port.extend({ dims: z.array(dimension).optional() })),
  /** Each kind of operator once, with the name of the first node, and how it is used. */
  operators: z.array(
    z.strictObject({
      domain: z.string(),
      operator: z.string(),
      node: z.string(),
      inputs: z.int(),
      attributes: z.record(z.string(), z.array(z.union([z.string(), z.number()]))),
    }),
  ),
  /** Whether the n-th shapes of all inputs go together, each being a model of its own. */
  together: z.boolean().default(false),
});
export type ModelPorts = z.infer<typeof modelPorts>;

/** Reads the ports that an earlier step found. */
export async function readPorts(folder: string): Promise<ModelPorts> {
  return modelPorts.parse(JSON.parse(await readFile(join(folder, "ports.json"), "utf8")));
}

/**
 * Lets onnxruntime, which knows the format best, read a model, and joins what it says of inputs and outputs with what the project
 * declares. Throws ERR_EDGEIMG_MODEL_NOT_ONNX, _MODEL_SHAPES, _MODEL_TYPE and _MODEL_OPERATOR.
 */
export const modelPortsKind = defineKind({
  name: "model-ports",
  version: 5,
  params: z.strictObject({
    name: z.string(),
    declared: z.record(z.string(), shapeSet),
    together: z.boolean().optional(),
  }),
  async run({ name, declared, together }, { inputs, out, services }) {
    const model = join(inputFolder(inputs, "onnx"), "model.onnx");
    const found = await inspectOnnx({
      runtime: inputFolder(inputs, "reference"),
      model,
      name: `Model ${name}`,
      signal: services.signal,
    });
    // onnxruntime gives no dimensions for scalars and for outputs whose shape it does not know; the file itself tells them apart.
    const { file } = await readModel(model, `Model ${name}`);
    const { graph } = file;
    const scalars = new Set(graph.outputs.flatMap((one) => (one.shape?.length === 0 ? [one.name] : [])));
    const ports = {
      inputs: resolveInputs(name, found.inputs, declared),
      outputs: resolveOutputs(name, found.outputs, scalars),
      operators: operatorsOf(file),
      ...(together === true ? { together } : {}),
    };
    // Sizes that contradict each other are told here, before a converter is shown them.
    narrowed(name, ports.inputs, inputFacts(file));
    await writeFile(join(out, "ports.json"), `${JSON.stringify(ports, null, 1)}\n`);
  },
});
