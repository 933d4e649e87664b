import * as z from "../ground/zod.js";
import { material, origin } from "./origin.js";

/**
 * How the origins of one step's tree are found. `input` is the tree, as an input of the step that reads the graph; `step` is another
 * node. A tree's bytes and key know nothing of it.
 */
export const node = z.discriminatedUnion("from", [
  z.strictObject({ from: z.literal("origins"), origins: z.array(origin) }),
  /** A root: its owners.json names the package of each file. */
  z.strictObject({ from: z.literal("packages"), input: z.string() }),
  /** An assembled tree: its files.json names the input of each file. */
  z.strictObject({ from: z.literal("listing"), input: z.string(), inputs: z.record(z.string(), z.string()) }),
  /** An unpacked npm package: its package.json. */
  z.strictObject({ from: z.literal("npm"), input: z.string(), known: origin }),
  /** The app: those npm packages that its source map names, and the project. */
  z.strictObject({
    from: z.literal("bundle"),
    input: z.string(),
    project: z.string(),
    packages: z.string().optional(),
  }),
  /** Made of other trees. */
  z.strictObject({
    from: z.literal("materials"),
    materials: z.array(z.strictObject({ step: z.string(), ...material.pick({ paths: true }).shape })),
  }),
]);
export type ProvenanceNode = z.infer<typeof node>;
