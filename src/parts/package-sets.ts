import type { CatalogConverter } from "../catalog/catalog.js";
import { givenModel } from "../config/model-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { sha256Text } from "../ground/canonical.js";
import { recordingRequest, runsItsApp } from "../image/recording.js";
import { type AppRequest, hostRequest, type ImageRequest } from "../image/request.js";
import { hasWifi } from "../image/wifi.js";
import type { PackageSetRequest, Requirements } from "../lock/resolve.js";
import { conversionPath, toolOf } from "./conversion.js";
import { type ToolSet, toolRequests } from "./roots.js";
import { sysrootRequest } from "./sysroot.js";
import { toolPackages } from "./tools.js";

/** The sets of packages that an image is made of; undefined for one that it does not need. */
export function packageSets(request: ImageRequest) {
  const { board, engine, catalog, project } = request;
  const { distribution, init } = catalog;
  const kernel = distribution.kernel.packages[board.arch];
  if (kernel === undefined)
    throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `The distribution names no kernel for ${board.arch}.`, {
      hint: "Build the board with `--builder buildroot`, or name a package under kernel.packages of recipes/distro.",
    });
  return {
    ...programSets(request),
    rootfs: {
      name: `rootfs/${engine.recipe.name}-${board.arch}`,
      arch: board.arch,
      packages: unique([...init.packages, ...init.ssh.packages, ...engine.recipe.packages.rootfs]),
    },
    kernel: {
      name: `kernel/${board.arch}`,
      arch: board.arch,
      packages: [kernel],
      keep: distribution.kernel.keep,
    },
    firmware: exactly(`firmware/${board.name}`, board.arch, board.boot.packages),
    ...wifiSets(request),
    extra:
      project.packages.length === 0
        ? undefined
        : {
            name: `extra/${sha256Text(unique(project.packages).join(" ")).slice(0, 12)}-${board.arch}`,
            arch: board.arch,
            packages: unique(project.packages),
          },
  } satisfies Record<string, PackageSetRequest | undefined>;
}

/** What Wi-Fi needs, and what the board's radio does; undefined for an image without. */
function wifiSets({ project, board, catalog }: ImageRequest) {
  const has = hasWifi(project, board);
  return {
    wifi: has ? exactly(`wifi/${board.arch}`, board.arch, catalog.wifi.recipe.packages) : undefined,
    radio: has ? exactly(`radio/${board.name}`, board.arch, board.wifi?.packages ?? []) : undefined,
  };
}

/** Those of them that programs are compiled with. */
export function programSets({ board, engine, catalog }: AppRequest) {
  const { runtime } = catalog;
  const { packages } = engine.recipe;
  const sysrootOf = (more: readonly string[]) =>
    sysrootRequest(catalog, { arch: board.arch, owner: engine.recipe.name, more });
  const sysroot = sysrootOf([]);
  const engineSysroot = sysrootOf(packages.sysroot);
  return {
    sysroot,
    engineSysroot: engineSysroot.name === sysroot.name ? undefined : engineSysroot,
    libraries: exactly(`libraries/runtime-${board.arch}`, board.arch, runtime.packages.libraries),
    headers: exactly(`headers/${engine.recipe.name}-${board.arch}`, board.arch, packages.headers),
  } satisfies Record<string, PackageSetRequest | undefined>;
}

/** A set of just these packages, without what they depend on. */
function exactly(name: string, arch: string, packages: readonly string[]): PackageSetRequest | undefined {
  return packages.length === 0 ? undefined : { name, arch, packages: unique(packages), keep: unique(packages) };
}

/** The converters that the project's models go through on their way to the engine. */
export function conversionsOf({ project, engine: { recipe }, catalog }: AppRequest): readonly CatalogConverter[] {
  const { accepts } = recipe.model;
  const all = Object.entries(project.models).flatMap(([model, config]) =>
    conversionPath(catalog.converters, { model, from: givenModel(config).format, engine: recipe.title, accepts }),
  );
  return [...new Set(all)];
}

/** The sets of packages that an image needs in the lock. */
export function requirements(request: ImageRequest): Requirements {
  return withRecording(request, lockedSets(request, ["toolchain", "image", "modules", "qemu"], packageSets(request)));
}

/** The sets that an app on the machine that builds needs there. */
export function hostRequirements(request: ImageRequest): Requirements {
  const onHost = hostRequest(request);
  return withRecording(request, lockedSets(onHost, ["toolchain"], programSets(onHost)));
}

/** The sets that models alone need: those of the app that calibrates them, if it does. */
export function modelRequirements(request: ImageRequest): Requirements {
  return withRecording(request, { distribution: request.catalog.distribution, sets: [] });
}

/** With what the app needs that calibrates models, where one does. */
function withRecording(request: ImageRequest, needs: Requirements): Requirements {
  if (!runsItsApp(request)) return needs;
  const own = recordingRequest(request);
  const { sets } = lockedSets(own, ["toolchain"], programSets(own));
  return { ...needs, sets: [...new Map([...needs.sets, ...sets].map((set) => [set.name, set])).values()] };
}

function lockedSets(
  request: AppRequest,
  names: readonly ToolSet[],
  packages: Readonly<Record<string, PackageSetRequest | undefined>>,
): Requirements {
  const { catalog, board } = request;
  const { distribution } = catalog;
  const hostArch = request.host.arch;
  const sets = [
    ...toolRequests({ distribution, hostArch, arch: board.arch }, names),
    ...conversionsOf(request).flatMap((one) => toolPackages(toolOf(catalog, one), { hostArch, catalog })),
    ...Object.values(packages).filter((set) => set !== undefined),
  ];
  // Two tools may need the same, or what a board of the host's architecture does.
  return { distribution, sets: [...new Map(sets.map((set) => [set.name, set])).values()] };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
