import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "../ground/zod.js";

const description = z.strictObject({
  /** What the app does, for lists. */
  summary: z.string().min(1).max(80),
  /** The one that is built where there is no project, and that a project begins as unless told. */
  first: z.boolean().default(false),
  /** Names that it had, which are still understood. */
  formerly: z.array(z.string()).default([]),
  /** Files and folders that it has in common with other examples and that lie in those, by example. */
  shares: z.record(z.string(), z.array(z.string())).default({}),
});

/** An app of examples/, as its example.json describes it. */
export interface Example extends z.infer<typeof description> {
  readonly name: string;
  readonly folder: string;
}

/** The file of a folder below examples/ that makes it an example. */
export const exampleFile = "example.json";

/** All examples by name, the first one at the front. At once, since help is printed so. */
export function listExamples(home: string): readonly Example[] {
  const examples = readdirSync(join(home, "examples"))
    .sort()
    .map((name) => ({ name, folder: join(home, "examples", name) }))
    .filter(({ folder }) => existsSync(join(folder, exampleFile)))
    .map((one) => ({ ...one, ...description.parse(JSON.parse(readFileSync(join(one.folder, exampleFile), "utf8"))) }));
  return examples.sort((a, b) => Number(b.first) - Number(a.first));
}

/** The example that is built where there is no project. */
export function firstExample(home: string): Example {
  const [first] = listExamples(home);
  if (first === undefined) throw new Error("there are no examples");
  return first;
}
