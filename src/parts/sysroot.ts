import type { Arch } from "../catalog/architecture.js";
import type { Catalog } from "../catalog/catalog.js";
import type { PackageSetRequest } from "../lock/resolve.js";

export type SysrootSources = Pick<Catalog, "distribution" | "runtime" | "kernels">;

/**
 * The set of packages that programs of an architecture are compiled against: the same for all that need no further ones, so that what is compiled
 * against it is compiled once; of an owner's own for who names more.
 */
export function sysrootRequest(
  { distribution, runtime, kernels }: SysrootSources,
  job: { readonly arch: Arch; readonly owner: string; readonly more: readonly string[] },
): PackageSetRequest {
  const { arch, owner, more } = job;
  const base = [...distribution.sysroot, ...runtime.packages.sysroot, ...kernels.packages.sysroot];
  const isInBase = more.every((name) => base.includes(name));
  return {
    name: isInBase ? `sysroot/${arch}` : `sysroot/${owner}-${arch}`,
    arch,
    packages: [...new Set([...base, ...more])].sort(),
  };
}
