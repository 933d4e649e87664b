import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { elementType } from "../catalog/converter.js";
import { type NpyKind, readNpy, writeNpy } from "../formats/npy.js";
import * as z from "../ground/zod.js";
import { type ElementType, elementSize, type Tensor } from "./tensor.js";

/** One run of a model: what went in and what came out. Either may be left to another folder. */
export interface KeptRun {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

const kept = z.strictObject({
  name: z.string(),
  type: elementType,
  file: z.string().regex(/^\d+\/(in|out)-\d+\.npy$/),
});
const index = z.strictObject({
  runs: z.array(z.strictObject({ inputs: z.array(kept), outputs: z.array(kept) })),
});

const npyKinds: Readonly<Record<ElementType, NpyKind>> = { f32: "f", i8: "i", u8: "u", i32: "i", i64: "i" };

/** Keeps runs in a folder: `runs.json`, and each tensor as a .npy file that NumPy reads. */
export async function writeRuns(folder: string, runs: readonly KeptRun[]): Promise<void> {
  const entries = [];
  for (const [number, run] of runs.entries()) {
    await mkdir(join(folder, String(number)), { recursive: true });
    const keep = async (tensors: readonly Tensor[], side: string) => {
      const made: z.infer<typeof kept>[] = [];
      for (const [place, { name, type, shape, data }] of tensors.entries()) {
        const file = `${number}/${side}-${place}.npy`;
        await writeFile(join(folder, file), writeNpy({ kind: npyKinds[type], size: elementSize[type], shape, data }));
        made.push({ name, type, file });
      }
      return made;
    };
    entries.push({ inputs: await keep(run.inputs, "in"), outputs: await keep(run.outputs, "out") });
  }
  await writeFile(join(folder, "runs.json"), `${JSON.stringify({ runs: entries }, null, 1)}\n`);
}

/** Reads what writeRuns kept. */
export async function readRuns(folder: string): Promise<readonly KeptRun[]> {
  const { runs } = index.parse(JSON.parse(await readFile(join(folder, "runs.json"), "utf8")));
  const read = async ({ name, type, file }: z.infer<typeof kept>): Promise<Tensor> => {
    const { kind, size, shape, data } = readNpy(await readFile(join(folder, file)));
    if (kind !== npyKinds[type] || size !== elementSize[type]) throw new Error(`${file} does not hold ${type}`);
    return { name, type, shape, data };
  };
  return Promise.all(
    runs.map(async ({ inputs, outputs }) => ({
      inputs: await Promise.all(inputs.map(read)),
      outputs: await Promise.all(outputs.map(read)),
    })),
  );
}
