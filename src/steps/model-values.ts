import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { NpyError, readNpy } from "../formats/npy.js";
import * as z from "../ground/zod.js";
import { givenTensor } from "../model/given-tensor.js";
import { writeRuns } from "../model/kept-runs.js";
import { allows, shapeText } from "../model/shapes.js";
import type { Tensor } from "../model/tensor.js";
import { unknownPort } from "../model/unknown-port.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { readPorts } from "./model-ports.js";

/** Bytes: what edge-nn-run takes. */
const fileLimit = 2 ** 30;

const params = z.strictObject({
  name: z.string(),
  side: z.enum(["inputs", "outputs"]),
  /** Port -> the file: the input that holds it, its path there. */
  files: z.record(z.string(), z.strictObject({ input: z.string(), path: z.string() })),
  /** Whether each port needs a file. */
  all: z.boolean().default(false),
  /** The format of a model that nothing on the host runs: then nobody but the project says what is right. */
  only: z.string().optional(),
});

/**
 * Reads the .npy files that a project gives for a model's inputs, or its golden outputs, and keeps them as the model's tensors (kept-runs.ts), one
 * run. Throws ERR_EDGEIMG_NPY_INVALID, ERR_EDGEIMG_MODEL_SHAPES, _TYPE, _INPUTS and _GOLDEN.
 */
export const modelValuesKind = defineKind({
  name: "model-values",
  version: 1,
  params,
  async run({ name, side, files, all, only }, { inputs, out }) {
    const ports = await readPorts(inputFolder(inputs, "ports"));
    const word = side === "inputs" ? "input" : "output";
    const names = ports[side].map((port) => port.name);
    for (const port of Object.keys(files)) if (!names.includes(port)) throw unknownPort(name, word, { port, names });
    const without = names.filter((port) => files[port] === undefined);
    if (all && without.length > 0) throw withoutGolden(name, without, only);
    const tensors: Tensor[] = [];
    for (const { name: port, type, ...shapes } of ports[side]) {
      const file = files[port];
      if (file === undefined) continue;
      const key = ["models", name, side, port, ...(side === "inputs" ? ["test", "file"] : ["golden"])];
      const called = `Model ${name}, ${word} ${port}: ${basename(file.path)}`;
      const array = await readArray(join(inputFolder(inputs, file.input), file.path), called, key);
      const allowed =
        "allowed" in shapes ? shapes.allowed : shapes.dims === undefined ? undefined : { dims: shapes.dims };
      if (allowed !== undefined && !allows(allowed, array.shape))
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_SHAPES",
          `${called} has the shape ${shapeText(array.shape)}, which the ${word} cannot have.`,
          {
            key,
            hint: `Its dimensions are ${allowedText(allowed)}: reshape the array, or declare its shape.`,
          },
        );
      tensors.push(givenTensor(array, { name: port, type, called, key, isGolden: side === "outputs" }));
    }
    await writeRuns(out, [side === "inputs" ? { inputs: tensors, outputs: [] } : { inputs: [], outputs: tensors }]);
  },
});

function withoutGolden(name: string, without: readonly string[], format: string | undefined): EdgeimgError {
  const [first = ""] = without;
  const message = `Model ${name} has no golden file for ${without.join(", ")}.`;
  if (format === undefined)
    return new EdgeimgError("ERR_EDGEIMG_MODEL_GOLDEN", message, {
      hint: `Nothing else is compared: give each output its file under models.${name}.outputs.`,
    });
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_GOLDEN",
    `${message} Nothing on this machine runs a model of the format ${format}, so nothing else says what is right.`,
    {
      key: ["models", name, "outputs", first],
      hint: `Run the model where it was made and save the output with numpy.save, or look at what the engine makes of it (\`edgeimg build --only model-run/${name}\` leaves .npy files) and, if it is right, copy that; name it under models.${name}.outputs.${first}.golden.`,
    },
  );
}

async function readArray(path: string, called: string, key: readonly string[]) {
  const found = await stat(path).catch(() => undefined);
  const invalid = (what: string) =>
    new EdgeimgError("ERR_EDGEIMG_NPY_INVALID", `${called} ${what}.`, {
      key,
      hint: "Write it with numpy.save(FILE, ARRAY), an array of numbers or booleans.",
    });
  if (found === undefined || !found.isFile()) throw invalid("is no file");
  if (found.size > fileLimit) throw invalid(`has ${found.size} bytes; at most ${fileLimit} are read`);
  try {
    return readNpy(await readFile(path));
  } catch (error) {
    if (error instanceof NpyError) throw invalid(error.message);
    throw error;
  }
}

function allowedText(allowed: Parameters<typeof allows>[0]): string {
  if ("shapes" in allowed) return allowed.shapes.map(shapeText).join(" or ");
  const sizes = allowed.dims.map(({ min, max }) =>
    min === max ? String(min) : max === 2 ** 31 - 1 ? "any" : `${min}..${max}`,
  );
  return `[${sizes.join(", ")}]`;
}
