import type { Catalog } from "../catalog/catalog.js";
import { hostReference } from "../catalog/check.js";
import { sourceKey, stripOf } from "../catalog/source.js";
import type { ModelConfig } from "../config/model-schema.js";
import type { Location } from "../config/model-values.js";
import type { AssembleEntry } from "../steps/assemble.js";
import type { DebianContext } from "./roots.js";
import { archiveSteps } from "./source.js";

export interface ModelPlace {
  readonly name: string;
  /** Absolute path of a file of the project. */
  readonly localPath: (path: string) => string;
}

/** The step with onnxruntime for the machine that builds. */
export function referenceStep(
  context: DebianContext,
  { catalog, host }: { readonly catalog: Pick<Catalog, "reference">; readonly host: { readonly node: string } },
): string {
  const { source, hosts } = catalog.reference;
  return archiveSteps(context, {
    name: "reference",
    source,
    why: `models are compared with what ${hostReference} gives on the host`,
    only: [hosts[host.node] ?? ""],
  });
}

/** Files that the project wants beside the model, such as a dictionary. */
export function besides(
  context: DebianContext,
  options: ModelPlace & { readonly config: ModelConfig },
): { readonly inputs: Readonly<Record<string, string>>; readonly entries: readonly AssembleEntry[] } {
  const inputs: Record<string, string> = {};
  const entries: AssembleEntry[] = [];
  for (const [file, location] of Object.entries(options.config.files)) {
    const why = `the project puts ${file} beside the model "${options.name}"`;
    const about = ["models", options.name, "files", file];
    const source = locate(context, options, { location, id: `model-file/${options.name}/${file}`, why, about });
    inputs[source.step] = source.step;
    entries.push({
      type: "file",
      path: `models/${options.name}/${file}`,
      mode: 0o644,
      from: { input: source.step, path: source.path },
    });
  }
  return { inputs, entries };
}

/** The step that has a file of the project or of a package, and the file's path in it. */
export function locate(
  context: DebianContext,
  options: ModelPlace,
  job: { location: Location; id: string; why: string; about: readonly string[]; model?: string },
): { step: string; path: string } {
  const { location, id, why, about, model } = job;
  const { plan, lock } = context;
  if (typeof location === "string") {
    const step = plan.add({
      id,
      kind: "local",
      about,
      title: `Read ${location}`,
      why,
      inputs: {},
      params: { path: options.localPath(location), exclude: [], ...(model === undefined ? {} : { model }) },
      origin: {
        kind: "project",
        name: `model/${options.name}`,
        version: "0",
        license: "LicenseRef-project",
        need: "the project's models",
      },
    });
    return { step, path: location.split("/").at(-1) ?? location };
  }
  const key = sourceKey(location);
  const pinned = lock.sources[key];
  const sha256 = location.sha256 ?? pinned?.sha256;
  if (sha256 === undefined) throw new Error(`the lock does not pin ${key}`);
  const name = `sources/${key.replace(/^pkg:/, "").replaceAll("%40", "@")}`;
  const step = archiveSteps(context, {
    name,
    source: {
      purl: location.purl,
      sha256,
      strip: stripOf(location.purl),
      ...(location.file === undefined ? {} : { file: location.file }),
    },
    why,
  });
  return { step, path: location.path };
}
