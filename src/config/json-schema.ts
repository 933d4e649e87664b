import { board } from "../catalog/board.js";
import { converter } from "../catalog/converter.js";
import { recipe } from "../catalog/recipe.js";
import { tool } from "../catalog/tool.js";
import * as z from "../ground/zod.js";
import { projectSchema } from "./project-schema.js";

/** A kind of YAML file that edgeimg reads. */
export interface FileKind {
  /** Name of the schema and of the reference page. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly schema: z.ZodType;
}

export const fileKinds: readonly FileKind[] = [
  {
    name: "project",
    title: "edgeimg.yaml",
    about: "A project: the app, its models and the device. Paths are relative to the file's folder.",
    schema: projectSchema,
  },
  {
    name: "board",
    title: "board-configs/NAME.yaml",
    about: "A board: its kernel modules, boot files and emulated machine. docs/boards.md says how to add one.",
    schema: board,
  },
  {
    name: "recipe",
    title: "recipes/engines/NAME/recipe.yaml",
    about: "An inference engine: where its source comes from and how it is built. docs/engines.md says how to add one.",
    schema: recipe,
  },
  {
    name: "converter",
    title: "recipes/converters/NAME/converter.yaml",
    about: "A converter of models from one format to another. docs/engines.md says how to add one.",
    schema: converter,
  },
  {
    name: "tool",
    title: "recipes/tools/NAME/tool.yaml",
    about: "A program that runs on the host while an image is built. docs/engines.md says how to add one.",
    schema: tool,
  },
];

/** Draft 7, which every YAML plug-in of an editor reads. Describes the file as written: before defaults. */
export function jsonSchema(kind: FileKind): z.core.JSONSchema.BaseSchema {
  const made = z.toJSONSchema(kind.schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    // Zod drops the examples of values that are converted, taking them for examples of the result. Ours are of the file.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  return Object.assign({ title: kind.title, description: kind.about }, made);
}

/** The text of `schemas/NAME.json`. */
export function jsonSchemaText(kind: FileKind): string {
  return `${JSON.stringify(jsonSchema(kind), null, 2)}\n`;
}
