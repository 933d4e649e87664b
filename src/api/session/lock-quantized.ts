import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { sha256Text } from "../../ground/canonical.js";
import { emptyLock, formatLock, type Lock } from "../../lock/lock-file.js";
import { type LayersFile, layersFile } from "../../quantize/report.js";
import type { Context } from "../types.js";
import { writeLock } from "./lock-session.js";
import type { Prepared } from "./prepare.js";
import { readLock } from "./read-lock.js";

type Quantized = NonNullable<Lock["quantized"]>;

/**
 * Notes in the lock what models were quantized from: the model, the way, and all that it was calibrated with, which is known only afterwards. `treeOf` gives
 * the folder with what a model became. A locked build compares them: throws ERR_EDGEIMG_LOCK_DISAGREES.
 */
export async function lockQuantized(
  context: Context,
  { project, request, lock }: Pick<Prepared, "project" | "request" | "lock">,
  { locked, treeOf }: { readonly locked: boolean; readonly treeOf: (model: string) => string | undefined },
): Promise<void> {
  const names = Object.entries(request.project.models).flatMap(([name, { quantize }]) =>
    quantize === undefined ? [] : [name],
  );
  const found: [string, Quantized[string]][] = [];
  for (const name of names) {
    const folder = treeOf(name);
    if (folder === undefined) continue;
    const { of, settings } = layersFile.parse(JSON.parse(await readFile(join(folder, "layers.json"), "utf8")));
    found.push([name, { ...of, way: inWords(settings) }]);
  }
  if (found.length === 0) return;
  if (locked) return compare(context, { known: lock.quantized ?? {}, found, file: project.lockFile });
  // Another build may have changed it meanwhile.
  const now = (await readLock(project.lockFile)) ?? emptyLock(request.catalog.distribution.name);
  const kept = Object.entries(now.quantized ?? {}).filter(([name]) => names.includes(name));
  const next: Lock = { ...now, quantized: { ...Object.fromEntries(kept), ...Object.fromEntries(found) } };
  if (formatLock(next) !== formatLock(now)) await writeLock(project.lockFile, next);
}

/** `weights 8, scales channel, ...`. Layers that are kept are told by a hash, as there may be thousands. */
function inWords({ keep, ...settings }: LayersFile["settings"]): string {
  const words = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
  return [...words.sort(), ...(keep.length === 0 ? [] : [`keep ${sha256Text(JSON.stringify(keep))}`])].join(", ");
}

function compare(
  { cwd, emit }: Pick<Context, "cwd" | "emit">,
  of: { readonly known: Quantized; readonly found: readonly [string, Quantized[string]][]; readonly file: string },
): void {
  const file = relative(cwd, of.file);
  const missing = of.found.flatMap(([name]) => (of.known[name] === undefined ? [name] : []));
  if (missing.length > 0) {
    const message = `${file} does not say what ${missing.join(", ")} was quantized from: a build without --locked notes it.`;
    emit({ type: "log", level: "warn", message });
  }
  const details = of.found.flatMap(([name, found]) => {
    const known = of.known[name];
    if (known === undefined) return [];
    const differs = (["model", "calibration", "way"] as const).filter((key) => known[key] !== found[key]);
    return differs.map((key) => `${name}, ${key}: ${known[key] ?? "none"} in the lock, ${found[key] ?? "none"} here`);
  });
  if (details.length === 0) return;
  throw new EdgeimgError("ERR_EDGEIMG_LOCK_DISAGREES", `${file} has models that were quantized from something else.`, {
    place: { file },
    details,
    hint: "Build without --locked, review the difference and commit it. What an app records may differ in its last digits from processor to processor: give the recorded `.npy` files as `calibration` to keep them.",
  });
}
