import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalog } from "../../src/catalog/catalog.js";
import { listExamples } from "../../src/catalog/examples.js";
import { parseYaml } from "../../src/formats/yaml.js";
import * as z from "../../src/ground/zod.js";
import type { Shape } from "../../src/model/shapes.js";
import { findPath } from "../../src/parts/conversion.js";
import type { Key } from "./result.js";

/** The boards of the table: one that is emulated quickly, and QEMU's model of a real one. */
export const boards = ["qemu-a72", "rpi4"] as const;

const exampleConfig = z.object({
  models: z.record(z.string(), z.object({ format: z.string().default("onnx") })).default({}),
  tests: z.object({ expect: z.array(z.unknown()) }).optional(),
});

/** Every example with models and tests, with every engine that reads their formats or has a way to them, on every board. Engines that nothing ran are left out. */
export function allOf(catalog: Catalog, home: string): Key[] {
  const engines = [...catalog.engines.values()].filter(({ recipe }) => recipe.notVerified === undefined);
  return listExamples(home).flatMap(({ name: example, folder }) => {
    const yaml = readFileSync(join(folder, "edgeimg.yaml"), "utf8");
    const { models, tests } = exampleConfig.parse(parseYaml(yaml, "edgeimg.yaml").value);
    const formats = Object.values(models).map(({ format }) => format);
    if (formats.length === 0 || tests === undefined) return [];
    return engines
      .filter(({ recipe: { model } }) =>
        formats.every((from) => findPath(catalog.converters, { from, accepts: model.accepts }) !== undefined),
      )
      .flatMap(({ recipe }) => boards.map((board) => ({ example, engine: recipe.name, board })));
  });
}

/** Shapes that a model is given in place of its example's where each is compiled and checked alone, so that a run takes minutes: as in test/e2e/boot-fixed. */
export const fixedShapes: Readonly<Record<string, Readonly<Record<string, readonly Shape[]>>>> = {
  reader: { det: [[1, 3, 192, 352]] },
};
