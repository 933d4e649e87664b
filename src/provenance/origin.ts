import * as z from "../ground/zod.js";

/** Where something in an image comes from, as a bill of materials names it. */
export const origin = z.strictObject({
  /** A package of the distribution or of npm, an archive that a recipe pins, a recipe of edgeimg or of the user, the project itself. */
  kind: z.enum(["package", "npm", "source", "recipe", "project"]),
  name: z.string(),
  version: z.string(),
  /** An SPDX expression where the origin tells one. */
  license: z.string(),
  purl: z.string().optional(),
  sha256: z.string().optional(),
  /** What asked for it, in words. */
  need: z.string().optional(),
});
export type Origin = z.infer<typeof origin>;

/** An input that a step's result is made of, or some files of it: the archives that a program is linked with. */
export const material = z.strictObject({ input: z.string(), paths: z.array(z.string()).optional() });
export type Material = z.infer<typeof material>;

/** Origins without those that are named twice, in their order. */
export function distinct(origins: readonly Origin[]): Origin[] {
  const known = new Map<string, Origin>();
  for (const one of origins) {
    const key = JSON.stringify([one.kind, one.name, one.version]);
    if (!known.has(key)) known.set(key, one);
  }
  return [...known.values()];
}
