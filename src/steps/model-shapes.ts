import { constants } from "node:fs";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import { renderSidecar } from "../model/sidecar.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { readPorts } from "./model-ports.js";

/**
 * Joins a model's folders of one shape each, the inputs `shape0`, `shape1`, ..., to one for the device: they are the folders `0`, `1`, ..., and
 * `model.edge` tells which shapes are in which.
 */
export const modelShapesKind = defineKind({
  name: "model-shapes",
  version: 1,
  params: z.strictObject({
    engine: z.string(),
    count: z.int().min(2),
    options: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  async run({ engine, count, options }, { inputs, out }) {
    const ports = await readPorts(inputFolder(inputs, "ports"));
    for (let index = 0; index < count; index++) {
      const from = inputFolder(inputs, `shape${index}`);
      const to = join(out, String(index));
      await mkdir(to);
      for (const name of await readdir(from))
        await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
    }
    const sidecar = renderSidecar({
      engine,
      files: {},
      inputs: ports.inputs,
      // What a folder says of its results is checked by the folder.
      outputs: ports.outputs.map(({ name, type }) => ({ name, type })),
      options,
      folders: count,
    });
    await writeFile(join(out, "model.edge"), sidecar);
  },
});
