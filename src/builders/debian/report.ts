import { PackageURL } from "@socketregistry/packageurl-js";
import { fileNameOf, pinnedBlob, sourceFile, sourcesFor } from "../../catalog/source.js";
import { globMatcher } from "../../formats/glob.js";
import type { ImageRequest } from "../../image/request.js";
import { hasWifi } from "../../image/wifi.js";
import type { Lock } from "../../lock/lock-file.js";
import type { PackageSetRequest } from "../../lock/resolve.js";
import { toolOf } from "../../parts/conversion.js";
import { conversionsOf } from "../../parts/package-sets.js";
import { type DebianContext, debName } from "../../parts/roots.js";
import { toolSources } from "../../parts/tools.js";
import { provenanceGraph } from "../../plan/provenance.js";
import { engineNeed } from "../../report/engine-size.js";

export interface ReportOptions {
  readonly name: string;
  readonly request: ImageRequest;
  readonly inputs: Readonly<Record<string, string>>;
  /** The assemble steps of the image's parts, by the word that the manifest has for each. */
  readonly parts: Readonly<Record<"boot" | "initramfs" | "root", readonly string[]>> & {
    readonly loader?: readonly string[];
  };
  readonly sets: Readonly<Record<string, PackageSetRequest | undefined>>;
  /** The step that lists the operators that the engine was built with; undefined for all. */
  readonly operators: string | undefined;
  /** The steps that quantized models, by model. */
  readonly quantized: Readonly<Record<string, string>>;
}

/** The manifest and the size report, from what the assemble steps noted of each file. */
export function reportStep(
  { plan, lock }: DebianContext,
  { name, request, inputs, parts, sets, operators, quantized }: ReportOptions,
): string {
  const { engine, board, versions, project } = request;
  const { recipe } = engine;
  const { nodes, reads } = provenanceGraph(plan.steps, Object.values(parts).flat());
  const needOf = packageNeeds(request);
  const packages = Object.values(sets).flatMap((set) =>
    set === undefined ? [] : (lock.sets[set.name]?.packages ?? []),
  );
  const debs = Object.fromEntries(
    [...new Set(packages)].map((id) => {
      const purl = PackageURL.fromString(id);
      const { name = "", version = "" } = purl;
      const need = needOf(name);
      return [debName(id), { purl: id, name, version, sha256: pinnedHash(lock, id), need }];
    }),
  );
  return plan.add({
    id: "image/report",
    kind: "report",
    title: "Write manifest and size report",
    why: "it says what the image holds, from where, under which licence",
    inputs: {
      ...inputs,
      ...(operators === undefined ? {} : { operators }),
      ...Object.fromEntries(Object.entries(quantized).map(([model, step]) => [`quantized/${model}`, step])),
      ...Object.fromEntries(reads.map((id) => [id, id])),
    },
    params: {
      name,
      project: project.name,
      board: board.name,
      engine: { name: recipe.name, version: recipe.version },
      ...(operators === undefined ? {} : { operators: "operators" }),
      ...(Object.keys(quantized).length === 0 ? {} : { quantized: Object.keys(quantized).sort() }),
      distribution: lock.distribution,
      parts,
      provenance: nodes,
      frame: {
        kind: "recipe",
        name: "edgeimg",
        version: versions.edgeimg,
        license: "MIT",
        need: "the layout of every image",
      },
      debs,
      sources: [
        ...sourcesOf(request),
        ...Object.entries(lock.sources).map(([key, { sha256 }]) => ({
          purl: key.split("#")[0] ?? key,
          file: fileNameOf(key),
          sha256,
        })),
      ],
    },
  });
}

/** The archives that an image is made of beside packages and models. */
function sourcesOf(request: ImageRequest) {
  const { project, engine, board, catalog, host } = request;
  return [
    ...sourcesFor(engine.recipe.sources, board.arch).map(([, source]) => source),
    ...(hasWifi(project, board) ? sourcesFor(catalog.wifi.recipe.sources, board.arch) : []).map(([, source]) => source),
    ...conversionsOf(request).flatMap((one) => toolSources(toolOf(catalog, one).environment, host.arch)),
    ...board.disk.raw.map(({ supplied }) => (supplied === undefined ? undefined : pinnedBlob(supplied))),
    catalog.reference.source,
  ].flatMap((source) =>
    source === undefined ? [] : [{ purl: source.purl, file: sourceFile(source), sha256: source.sha256 }],
  );
}

function pinnedHash({ packages }: Lock, id: string): string {
  const pinned = packages[id];
  if (pinned === undefined) throw new Error(`the lock does not pin ${id}`);
  return pinned.sha256;
}

/** What asks for a package by name, in words. */
function packageNeeds({ board, engine, catalog, project }: ImageRequest): (name: string) => string {
  const { init, distribution } = catalog;
  const asked: readonly (readonly [string, readonly string[]])[] = [
    ["the start of the system (recipes/init)", init.packages],
    ["ssh", init.ssh.packages],
    [engineNeed(engine.recipe.name), engine.recipe.packages.rootfs],
    ["the kernel", distribution.kernel.keep],
    [`the firmware of ${board.name}`, board.boot.packages],
    ["Wi-Fi", [...catalog.wifi.recipe.packages, ...(board.wifi?.packages ?? [])]],
    ["`packages` of the project", project.packages],
  ];
  const matchers = asked.map(([need, globs]) => ({ need, matches: globMatcher(globs) }));
  return (name) => matchers.find(({ matches }) => matches(name))?.need ?? "a package that another one depends on";
}
