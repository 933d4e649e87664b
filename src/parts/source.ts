import type { Arch } from "../catalog/common.js";
import { type PinnedFile, type PinnedSource, type Source, sourceFile, sourcesFor } from "../catalog/source.js";
import type { Origin } from "../provenance/origin.js";
import type { DebianContext } from "./roots.js";
import { localRecipe } from "./runtime.js";

/** Adds the steps that fetch and unpack one pinned archive. Returns the step of its content. */
export function archiveSteps(
  { plan }: Pick<DebianContext, "plan">,
  job: {
    readonly name: string;
    readonly source: PinnedFile & Partial<Pick<Source, "strip" | "supplied">>;
    readonly why: string;
    readonly only?: readonly string[];
    readonly executable?: readonly string[];
    /** What is known of it beyond the archive. */
    readonly origin?: Origin;
  },
): string {
  const { source } = job;
  const { supplied } = source;
  const archive = plan.add({
    id: `fetch/${job.name}`,
    kind: "fetch",
    title: `Fetch ${job.name}`,
    why: job.why,
    inputs: {},
    params: {
      files: [
        {
          purl: source.purl,
          name: sourceFile(source),
          sha256: source.sha256,
          size: source.size,
          ...(supplied === undefined ? {} : { supplied }),
        },
      ],
    },
    ...(job.origin === undefined ? {} : { origin: job.origin }),
  });
  return plan.add({
    id: `unpack/${job.name}`,
    kind: "unpack",
    title: `Unpack ${job.name}`,
    why: job.why,
    inputs: { archive },
    params: { strip: source.strip ?? 0, only: [...(job.only ?? ["**"])], executable: [...(job.executable ?? [])] },
  });
}

export interface SourceTree {
  /** The recipe's name, as in ids of steps: `ncnn`. */
  readonly name: string;
  /** The recipe's folder, and its name among local steps: `engines/ncnn`. */
  readonly folder: string;
  readonly local: string;
  readonly sources: Readonly<Record<string, Source>>;
  /** Only those for this architecture. */
  readonly arch: Arch;
  readonly why: string;
  /** Of the source `main`, which is the recipe's; absent for what gets into no image. */
  readonly about?: Pick<Origin, "version" | "license" | "need">;
  /** Globs of what is wanted of a source that does not say so itself. */
  readonly only?: readonly string[];
}

/**
 * The step whose tree is a recipe's source: its archives, patched and laid into one another in their order; the recipe's own
 * folder when it has none.
 */
export function sourceTree(context: DebianContext, tree: SourceTree): string {
  const { name, folder, local, arch, why } = tree;
  const entries = sourcesFor(tree.sources, arch);
  if (entries.length === 0) return localRecipe(context, local, folder);
  const parts = entries.map(([key, source]) => {
    const own = key === "main" ? name : `${name}-${key}`;
    const only = source.only.length > 0 ? source.only : tree.only;
    const { purl, sha256 } = source;
    const unpacked = archiveSteps(context, {
      name: own,
      source,
      why,
      ...(only === undefined ? {} : { only }),
      ...(key === "main" && tree.about !== undefined
        ? { origin: { kind: "source", name, purl, sha256, ...tree.about } }
        : {}),
    });
    return { from: patchSteps(context, { name: own, folder, local, unpacked, source }), to: source.into ?? "" };
  });
  const [first] = parts;
  if (first !== undefined && parts.length === 1 && first.to === "") return first.from;
  return context.plan.add({
    id: `source/${name}`,
    kind: "compose",
    title: `Collect the sources of ${name}`,
    why,
    inputs: Object.fromEntries(parts.map(({ from }) => [from, from])),
    params: { parts: parts.map(({ from, to }) => ({ from, path: "", to })) },
  });
}

/** One step for a source's patches, each of which is an input of its own: a change of the rest of the folder patches nothing anew. */
function patchSteps(
  { plan }: DebianContext,
  job: {
    readonly name: string;
    readonly folder: string;
    readonly local: string;
    readonly unpacked: string;
    readonly source: PinnedSource;
  },
): string {
  const { patches } = job.source;
  if (patches.length === 0) return job.unpacked;
  const inputs = patches.map((path): [string, string] => [
    path,
    plan.add({
      id: `local/${job.local}/${path}`,
      kind: "local",
      title: `Read ${path}`,
      why: `it changes the source of ${job.name}`,
      inputs: {},
      params: { path: `${job.folder}/${path}`, exclude: [] },
    }),
  ]);
  return plan.add({
    id: `patch/${job.name}`,
    kind: "patch",
    title: `Patch the source of ${job.name}`,
    why: `its recipe lists ${patches.join(", ")}`,
    inputs: { source: job.unpacked, ...Object.fromEntries(inputs) },
    params: { patches: [...patches] },
  });
}
