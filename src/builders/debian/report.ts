import { PackageURL } from "@socketregistry/packageurl-js";
import { fileNameOf, sourceFile } from "../../catalog/source.js";
import { globMatcher } from "../../formats/glob.js";
import type { ImageRequest } from "../../image/request.js";
import type { PackageSetRequest } from "../../lock/resolve.js";
import { environmentOf } from "../../parts/conversion.js";
import { conversionsOf } from "../../parts/package-sets.js";
import { archOf, type DebianContext, debName } from "../../parts/roots.js";
import { sourcesFor } from "../../parts/source.js";
import { toolSources } from "../../parts/tools.js";

export interface ReportOptions {
  readonly name: string;
  readonly request: ImageRequest;
  readonly inputs: Readonly<Record<string, string>>;
  readonly sets: Readonly<Record<string, PackageSetRequest | undefined>>;
}

/** Something an image holds that is not a Debian package. */
export interface Component {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** What asked for it, in words. */
  readonly need: string;
  readonly purl?: string | undefined;
  readonly sha256?: string | undefined;
}

/** The manifest and the size report, from what the assemble steps noted of each file. */
export function reportStep(
  { plan, lock, distribution, arch }: DebianContext,
  { name, request, inputs, sets }: ReportOptions,
): string {
  const { engine, board, catalog, versions, project } = request;
  const { recipe } = engine;
  const own = (part: string, need: string): Component => ({
    name: part,
    version: versions.edgeimg,
    license: "MIT",
    need,
  });
  const app: Component = { name: project.name, version: "0", license: "LicenseRef-project", need: "the project's app" };
  const frame = own("edgeimg", "the layout of every image");
  const components: Record<string, Component> = {
    engine: {
      name: recipe.name,
      version: recipe.version,
      license: recipe.license.spdx,
      need: `the engine of this image (${recipe.name})`,
      purl: recipe.sources.main?.purl,
      sha256: recipe.sources.main?.sha256,
    },
    adapter: own("edgeimg-adapter", `the engine of this image (${recipe.name})`),
    "edge-run": own("edgeimg-runtime", "the host that runs the app"),
    ...(project.kernels ? { "libedge_kernels.so": own("edgeimg-kernels", "`kernels: true` of the project") } : {}),
    init: own("edgeimg-init", "the start of the system (recipes/init)"),
    edgeimg: frame,
    image: frame,
    initramfs: frame,
    bundle: app,
    bytecode: app,
  };
  const needOf = packageNeeds(request);
  const packages = Object.values(sets).flatMap((set) =>
    set === undefined ? [] : (lock.sets[set.name]?.packages ?? []),
  );
  const debs = Object.fromEntries(
    [...new Set(packages)].map((id) => {
      const purl = PackageURL.fromString(id);
      const { name = "", version = "" } = purl;
      const need = needOf(name);
      return [debName(id), { purl: id, name, version, sha256: lock.packages[id]?.sha256 ?? "", need }];
    }),
  );
  const sources = [
    ...sourcesFor(recipe.sources, board.arch).map(([, source]) => source),
    ...conversionsOf(request).flatMap(({ converter }) =>
      toolSources(environmentOf(catalog, converter), request.host.arch),
    ),
    catalog.reference.source,
  ].flatMap((source) =>
    source === undefined ? [] : [{ purl: source.purl, file: sourceFile(source), sha256: source.sha256 }],
  );
  return plan.add({
    id: "image/report",
    kind: "report",
    title: "Write manifest and size report",
    why: "it says what the image holds, from where, under which licence",
    inputs,
    params: {
      name,
      project: project.name,
      board: board.name,
      engine: { name: recipe.name, version: recipe.version },
      distribution: lock.distribution,
      components,
      debs,
      static: {
        input: "sysroot",
        paths: [
          ...new Set(catalog.runtime.programs.flatMap((program) => (program.install === null ? [] : program.static))),
        ].map((path) => `usr/lib/${archOf(distribution, arch).triplet}/${path}`),
      },
      sources: [
        ...sources,
        ...Object.entries(lock.sources).map(([key, { sha256 }]) => ({
          purl: key.split("#")[0] ?? key,
          file: fileNameOf(key),
          sha256,
        })),
      ],
    },
  });
}

/** What asks for a package by name, in words. */
function packageNeeds({ board, engine, catalog, project }: ImageRequest): (name: string) => string {
  const { init, distribution } = catalog;
  const asked: readonly (readonly [string, readonly string[]])[] = [
    ["the start of the system (recipes/init)", init.packages],
    ["ssh", init.ssh.packages],
    [`the engine of this image (${engine.recipe.name})`, engine.recipe.packages.rootfs],
    ["the kernel", distribution.kernel.keep],
    [`the firmware of ${board.name}`, board.boot.packages],
    ["`packages` of the project", project.packages],
  ];
  return (name) => asked.find(([, globs]) => globMatcher(globs)(name))?.[0] ?? "a package that another one depends on";
}
