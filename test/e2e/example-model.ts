import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseYaml } from "../../src/formats/yaml.js";
import * as z from "../../src/ground/zod.js";

const config = z.object({ models: z.record(z.string(), z.record(z.string(), z.unknown())) });

/** A model of an example as its edgeimg.yaml has it, for a project in `folder`, which gets its golden files. */
export async function exampleModel(
  example: string,
  model: string,
  folder: string,
): Promise<Readonly<Record<string, unknown>>> {
  const home = fileURLToPath(new URL(`../../examples/${example}/`, import.meta.url));
  await cp(join(home, "golden"), join(folder, "golden"), { recursive: true });
  const text = await readFile(join(home, "edgeimg.yaml"), "utf8");
  const found = config.parse(parseYaml(text, "edgeimg.yaml").value).models[model];
  if (found === undefined) throw new Error(`${example} has no model ${model}`);
  return found;
}
