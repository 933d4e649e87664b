import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Gives a model of a project other fixed shapes. */
export async function fixShapes(project: string, model: string, shapes: readonly (readonly number[])[]): Promise<void> {
  const file = join(project, "edgeimg.yaml");
  const lines = (await readFile(file, "utf8")).split("\n");
  const start = lines.findIndex((line) => line.startsWith(`  ${model}:`));
  const index = lines.findIndex((line, at) => at > start && /^ +fixed: /.test(line));
  if (start < 0 || index < 0) throw new Error(`${model} has no fixed shapes in edgeimg.yaml`);
  lines[index] = (lines[index] ?? "").replace(/fixed: .*/, `fixed: ${JSON.stringify(shapes)}`);
  await writeFile(file, lines.join("\n"));
}
