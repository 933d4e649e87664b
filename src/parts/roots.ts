import { PackageURL } from "@socketregistry/packageurl-js";
import { type Arch, architectures } from "../catalog/architecture.js";
import type { Distribution } from "../catalog/distribution.js";
import type { AppRequest } from "../image/request.js";
import type { Lock } from "../lock/lock-file.js";
import type { PackageSetRequest } from "../lock/resolve.js";
import { type PlanBuilder, planBuilder } from "../plan/step.js";

/** What the fragments of this builder share. */
export interface DebianContext {
  readonly distribution: Distribution;
  readonly lock: Lock;
  readonly plan: PlanBuilder;
  readonly hostArch: Arch;
  /** Of edgeimg, for what its own recipes bring. */
  readonly version: string;
  /** The board's. */
  readonly arch: Arch;
}

/** An empty plan, and what steps of an image are planned with. */
export function planContext(
  { catalog, host, board, versions }: Pick<AppRequest, "catalog" | "host" | "board" | "versions">,
  lock: Lock,
): DebianContext {
  return {
    distribution: catalog.distribution,
    lock,
    plan: planBuilder(),
    hostArch: host.arch,
    arch: board.arch,
    version: versions.edgeimg,
  };
}

export type ToolSet = keyof Distribution["tools"];

/** The sets of packages that tools are made of, for the lock. */
export function toolRequests(
  { distribution, hostArch, arch }: Pick<DebianContext, "distribution" | "hostArch" | "arch">,
  names: readonly ToolSet[],
): PackageSetRequest[] {
  return names.map((name) => ({
    name: toolSetName(name, arch),
    arch: hostArch,
    packages: [...distribution.tools[name].packages, ...(arch === hostArch ? distribution.tools[name].native : [])].map(
      (one) => packageName(one, arch),
    ),
  }));
}

const toolSetName = (name: ToolSet, arch: string): string =>
  name === "toolchain" ? `tools/toolchain-${arch}` : `tools/${name}`;

/** Adds the step that fetches the packages of a locked set. */
export function fetchSet(context: DebianContext, set: string, why: string): string {
  const { lock, plan } = context;
  const locked = lock.sets[set];
  if (locked === undefined) throw new Error(`the lock has no set ${set}`);
  const files = locked.packages.map((id) => {
    const pinned = lock.packages[id];
    if (pinned === undefined) throw new Error(`the lock does not pin ${id}`);
    return { purl: id, name: debName(id), path: pinned.path, sha256: pinned.sha256, size: pinned.size };
  });
  return plan.add({
    id: `fetch/${set}`,
    kind: "fetch",
    title: `Fetch ${files.length} packages: ${set}`,
    why,
    inputs: {},
    params: { files },
  });
}

/** "NAME_VERSION_ARCH.deb", as Debian names files; epochs are kept with "%3a". */
export function debName(id: string): string {
  const purl = PackageURL.fromString(id);
  return `${purl.name}_${(purl.version ?? "").replaceAll(":", "%3a")}_${purl.qualifiers?.arch ?? "all"}.deb`;
}

/** A root of host programs. */
export function toolsRoot(context: DebianContext, name: ToolSet): string {
  const { distribution, hostArch, arch, plan } = context;
  const set = distribution.tools[name];
  const setName = toolSetName(name, arch);
  const debs = fetchSet(context, setName, `host tools: ${name}`);
  return plan.add({
    id: `root/${setName}`,
    kind: "root",
    title: `Unpack host tools: ${name}`,
    why: `programs of the set "${name}" run on the host without being installed`,
    inputs: { debs },
    params: {
      only: set.only.map((glob) => filledGlob(glob, context)),
      exclude: set.exclude.map((glob) => filledGlob(glob, context)),
      wrap: hostWrap(hostArch, set.wrap),
    },
  });
}

/** A root of host programs from a set of its own, started like those of `toolsRoot`. */
export function hostRoot(
  context: DebianContext,
  { set, title, why }: { readonly set: string; readonly title: string; readonly why: string },
): string {
  const { distribution, hostArch, plan } = context;
  const { wrap, exclude } = distribution.tools.image;
  return plan.add({
    id: `root/${set}`,
    kind: "root",
    title,
    why,
    inputs: { debs: fetchSet(context, set, why) },
    params: {
      only: ["**"],
      exclude: exclude.map((glob) => filledGlob(glob, context)),
      wrap: hostWrap(hostArch, wrap),
    },
  });
}

/** How programs in these folders of a root start through the root's own loader. */
export function hostWrap(
  hostArch: Arch,
  folders: readonly string[],
): { loader: string; libraries: string[]; folders: readonly string[] } {
  const { loader, triplet } = architectures[hostArch];
  return { loader, libraries: [`usr/lib/${triplet}`], folders };
}

/** A root of the target's packages: headers and libraries, or what a rootfs is taken from. */
export function targetRoot(
  context: DebianContext,
  options: {
    readonly set: string;
    readonly title: string;
    readonly why: string;
    readonly only?: readonly string[];
    readonly exclude?: readonly string[];
  },
): string {
  const debs = fetchSet(context, options.set, options.why);
  return context.plan.add({
    id: `root/${options.set}`,
    kind: "root",
    title: options.title,
    why: options.why,
    inputs: { debs },
    params: { only: [...(options.only ?? ["**"])], exclude: [...(options.exclude ?? [])] },
  });
}

/** Documentation that no root needs; copyright files stay for the manifest. */
const documentation = [
  "usr/share/{man,locale,info,lintian,bug,doc-base}/**",
  "usr/share/doc/*/{changelog,NEWS,README}**",
  "usr/share/doc/**/examples/**",
];

/** A root of one of the target's sets of packages; undefined for a set that the image does not need. */
export function optionalRoot(
  context: DebianContext,
  set: PackageSetRequest | undefined,
  about: { readonly title: string; readonly why: string; readonly only?: readonly string[] },
): string | undefined {
  return set === undefined ? undefined : targetRoot(context, { set: set.name, exclude: documentation, ...about });
}

/** The same for a set that every image needs. */
export function neededRoot(...args: Parameters<typeof optionalRoot>): string {
  const step = optionalRoot(...args);
  if (step === undefined) throw new Error("a root that every image has is missing");
  return step;
}

/** A tool's package for a target. */
function packageName(text: string, arch: Arch): string {
  return text.replaceAll("{triplet}", architectures[arch].triplet.replaceAll("_", "-"));
}

function filledGlob(glob: string, { arch, hostArch }: Pick<DebianContext, "arch" | "hostArch">): string {
  return glob
    .replaceAll("{triplet}", architectures[arch].triplet)
    .replaceAll("{host}", architectures[hostArch].triplet);
}
