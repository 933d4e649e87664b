import { PackageURL } from "@socketregistry/packageurl-js";
import type { PackageSetRequest } from "../../lock/resolve.js";
import { fileNameOf } from "./engine.js";
import type { ImageRequest } from "./plan-image.js";
import { archOf, type DebianContext } from "./roots.js";

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
  const own = (part: string): Component => ({ name: part, version: versions.edgeimg, license: "MIT" });
  const app: Component = { name: project.name, version: "0", license: "LicenseRef-project" };
  const components: Record<string, Component> = {
    engine: {
      name: recipe.name,
      version: recipe.version,
      license: recipe.license.spdx,
      purl: recipe.source?.purl,
      sha256: recipe.source?.sha256,
    },
    adapter: own("edgeimg-adapter"),
    runtime: own("edgeimg-runtime"),
    ...(project.kernels ? { kernels: own("edgeimg-kernels") } : {}),
    init: own("edgeimg-init"),
    edgeimg: own("edgeimg"),
    image: own("edgeimg"),
    initramfs: own("edgeimg"),
    bundle: app,
    bytecode: app,
  };
  const packages = Object.values(sets).flatMap((set) =>
    set === undefined ? [] : (lock.sets[set.name]?.packages ?? []),
  );
  const debs = Object.fromEntries(
    [...new Set(packages)].map((id) => {
      const purl = PackageURL.fromString(id);
      const version = purl.version ?? "";
      const file = `${purl.name}_${version.replaceAll(":", "%3a")}_${purl.qualifiers?.arch ?? "all"}.deb`;
      return [file, { purl: id, name: purl.name ?? "", version, sha256: lock.packages[id]?.sha256 ?? "" }];
    }),
  );
  const converter = recipe.model.converter?.hosts[request.host.arch];
  const sources = [recipe.source, converter, catalog.reference.source].flatMap((source) =>
    source === undefined
      ? []
      : [{ purl: source.purl, file: source.file ?? fileNameOf(source.purl), sha256: source.sha256 }],
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
