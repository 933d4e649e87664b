import type { CatalogConverter } from "../catalog/catalog.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { sha256Text } from "../ground/canonical.js";
import type { ImageRequest } from "../image/request.js";
import type { PackageSetRequest, Requirements } from "../lock/resolve.js";
import { conversionPath, environmentOf } from "./conversion.js";
import { type ToolSet, toolRequests } from "./roots.js";
import { toolPackages } from "./tools.js";

/** The sets of packages that an image is made of; undefined for one that it does not need. */
export function packageSets(request: ImageRequest): Record<string, PackageSetRequest | undefined> {
  const { board, engine, catalog, project } = request;
  const { distribution, init, runtime, kernels } = catalog;
  const { packages } = engine.recipe;
  const kernel = distribution.kernel.packages[board.arch];
  if (kernel === undefined)
    throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `The distribution names no kernel for ${board.arch}.`, {
      hint: "Build the board with `--builder buildroot`, or name a package under kernel.packages of recipes/distro.",
    });
  const base = [...distribution.sysroot, ...runtime.packages.sysroot, ...kernels.packages.sysroot];
  return {
    // The same for every engine: what is compiled against it is compiled once.
    sysroot: { name: `sysroot/${board.arch}`, arch: board.arch, packages: unique(base) },
    engineSysroot: packages.sysroot.every((name) => base.includes(name))
      ? undefined
      : {
          name: `sysroot/${engine.recipe.name}-${board.arch}`,
          arch: board.arch,
          packages: unique([...base, ...packages.sysroot]),
        },
    libraries: exactly(`libraries/runtime-${board.arch}`, board.arch, runtime.packages.libraries),
    headers: exactly(`headers/${engine.recipe.name}-${board.arch}`, board.arch, packages.headers),
    rootfs: {
      name: `rootfs/${engine.recipe.name}-${board.arch}`,
      arch: board.arch,
      packages: unique([...init.packages, ...init.ssh.packages, ...packages.rootfs]),
    },
    kernel: {
      name: `kernel/${board.arch}`,
      arch: board.arch,
      packages: [kernel],
      keep: distribution.kernel.keep,
    },
    firmware: exactly(`firmware/${board.name}`, board.arch, board.boot.packages),
    extra:
      project.packages.length === 0
        ? undefined
        : {
            name: `extra/${sha256Text(unique(project.packages).join(" ")).slice(0, 12)}-${board.arch}`,
            arch: board.arch,
            packages: unique(project.packages),
          },
  };
}

/** A set of just these packages, without what they depend on. */
function exactly(name: string, arch: string, packages: readonly string[]): PackageSetRequest | undefined {
  return packages.length === 0 ? undefined : { name, arch, packages: unique(packages), keep: unique(packages) };
}

/** The converters that the project's models go through on their way to the engine. */
export function conversionsOf({ project, engine: { recipe }, catalog }: ImageRequest): readonly CatalogConverter[] {
  const [model] = Object.keys(project.models);
  if (model === undefined) return [];
  const { accepts } = recipe.model;
  return conversionPath(catalog.converters, { model, from: "onnx", engine: recipe.title, accepts });
}

/** The sets of packages that an image needs in the lock. */
export function requirements(request: ImageRequest): Requirements {
  const { distribution } = request.catalog;
  const sets = Object.values(packageSets(request)).filter((set) => set !== undefined);
  const hostArch = request.host.arch;
  const tools = conversionsOf(request).map(({ converter }) => {
    const named = typeof converter.tool === "string" ? converter.tool : converter.name;
    return toolPackages(named, environmentOf(request.catalog, converter), { hostArch });
  });
  const names: ToolSet[] = [
    "toolchain",
    "image",
    "modules",
    "qemu",
    ...(tools.includes("python") ? (["python"] as const) : []),
  ];
  const own = new Map(tools.flatMap((set) => (typeof set === "object" ? [[set.name, set]] : [])));
  return {
    distribution,
    sets: [...toolRequests({ distribution, hostArch, arch: request.board.arch }, names), ...own.values(), ...sets],
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
