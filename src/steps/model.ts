import { copyFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as z from "../ground/zod.js";
import { withBlobs } from "../model/converter.js";
import { renderSidecar } from "../model/sidecar.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { readPorts } from "./model-ports.js";

const params = z.strictObject({
  engine: z.string(),
  /** Role in model.edge -> path in the input `files`, and the file's name on the device. */
  files: z.record(z.string(), z.strictObject({ from: z.string(), to: z.string() })),
  /** Names that the engine's format gives to ports, with {index}. */
  inputBlob: z.string().optional(),
  outputBlob: z.string().optional(),
  /** Engine-specific settings. */
  options: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** Makes one model's folder for the device: the files that the engine reads, and `model.edge`. */
export const modelKind = defineKind({
  name: "model",
  version: 3,
  params,
  async run({ engine, files, inputBlob, outputBlob, options }, { inputs, out }) {
    const ports = await readPorts(inputFolder(inputs, "ports"));
    for (const { from, to } of Object.values(files))
      await copyFile(join(inputFolder(inputs, "files"), from), join(out, basename(to)));
    const sidecar = renderSidecar({
      engine,
      files: Object.fromEntries(Object.entries(files).map(([role, { to }]) => [role, to])),
      inputs: withBlobs(ports.inputs, inputBlob),
      // An engine that reads the model itself knows its shapes, also where the file states wrong ones; a converted file has lost some.
      outputs:
        outputBlob === undefined
          ? ports.outputs.map(({ name, type }) => ({ name, type }))
          : withBlobs(ports.outputs, outputBlob),
      options,
    });
    await writeFile(join(out, "model.edge"), sidecar);
  },
});
