import { sourceFile, sourceKey } from "../../catalog/source.js";
import type { Project } from "../../config/project-schema.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { Fetcher } from "../../fetch/types.js";
import type { Lock } from "../../lock/lock-file.js";

/**
 * Pins package URLs of the project that carry no hash of their own: fetched once, their sha256 goes into the lock. Entries that the
 * project no longer names are dropped. Throws ERR_EDGEIMG_LOCK_DISAGREES when a locked build would have to.
 */
export async function pinSources(job: {
  readonly lock: Lock;
  readonly project: Project;
  readonly fetcher: Fetcher;
  readonly locked: boolean;
  readonly signal: AbortSignal;
}): Promise<Lock> {
  const { lock, project, fetcher, locked, signal } = job;
  const sources: Lock["sources"] = {};
  for (const { onnx, file, files, inputs, outputs, quantize } of Object.values(project.models)) {
    const locations = [
      onnx,
      file,
      ...Object.values(files),
      ...Object.values(inputs).map(({ test }) => test?.file),
      ...Object.values(outputs).map(({ golden }) => golden),
      ...Object.values(quantize?.calibration ?? {}),
      quantize?.record?.pictures,
      quantize?.accuracy?.pictures,
      quantize?.accuracy?.labels,
    ];
    for (const location of locations) {
      if (location === undefined || typeof location === "string") continue;
      const key = sourceKey(location);
      const known = lock.sources[key];
      if (location.sha256 !== undefined) {
        if (known !== undefined && known.sha256 !== location.sha256) {
          throw new EdgeimgError(
            "ERR_EDGEIMG_LOCK_DISAGREES",
            `edgeimg.yaml and edgeimg.lock pin different files for ${key}.`,
            {
              details: [`edgeimg.yaml ${location.sha256}`, `edgeimg.lock ${known.sha256}`],
              hint: "Find out which is right; then correct edgeimg.yaml, or run `edgeimg lock --update`.",
            },
          );
        }
        sources[key] = { ...known, sha256: location.sha256 };
        continue;
      }
      if (known === undefined && locked) {
        throw new EdgeimgError("ERR_EDGEIMG_LOCK_DISAGREES", `edgeimg.lock does not pin ${key}.`, {
          hint: "Run `edgeimg lock --update`, or build without --locked.",
        });
      }
      sources[key] ??= known ?? (await fetcher.pin({ purl: location.purl, name: sourceFile(location) }, { signal }));
    }
  }
  return { ...lock, sources };
}
