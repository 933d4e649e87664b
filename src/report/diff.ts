import { compareText } from "../ground/canonical.js";
import { type ImageFacts, imageSizes, type Manifest } from "./manifest.js";

/** A size before and after, in bytes; undefined where the thing is not there. */
export interface SizeChange {
  readonly name: string;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface VersionChange {
  readonly name: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface FileChange extends SizeChange {
  /** "boot", "initramfs" or "root". */
  readonly part: string;
}

export interface ImageName {
  readonly project: string;
  readonly board: string;
  /** Name and version. */
  readonly engine: string;
}

/** What differs between two images. Only what differs is listed, except in `sizes`. */
export interface ImageDiff {
  readonly old: ImageName;
  readonly new: ImageName;
  readonly sizes: readonly SizeChange[];
  /** By their version: Debian packages in the image or linked into it, the engine, edgeimg's own parts. */
  readonly versions: readonly VersionChange[];
  /** Sums of the files of each package, largest difference first. */
  readonly packages: readonly SizeChange[];
  /** Models of which a file differs. */
  readonly models: readonly SizeChange[];
  /** Largest difference first. */
  readonly files: readonly FileChange[];
}

export function diffImages(old: ImageFacts, next: ImageFacts): ImageDiff {
  const files = changedFiles(old.manifest, next.manifest);
  const touched = new Set(files.flatMap((file) => modelOf(file) ?? []));
  const models = changes(sizesBy(old.manifest, modelOf), sizesBy(next.manifest, modelOf), true);
  return {
    old: nameOf(old.manifest),
    new: nameOf(next.manifest),
    sizes: changes(new Map(Object.entries(imageSizes(old))), new Map(Object.entries(imageSizes(next))), true),
    versions: changedVersions(old.manifest, next.manifest),
    packages: bySize(
      changes(sizesBy(old.manifest, packageOf), sizesBy(next.manifest, packageOf), false),
      ({ name }) => name,
    ),
    models: models.filter(({ name }) => touched.has(name)),
    files,
  };
}

/** How much larger a thing became; negative when it shrank. */
export function growth({ from = 0, to = 0 }: Pick<SizeChange, "from" | "to">): number {
  return to - from;
}

type ManifestFile = Manifest["files"][number];

function nameOf({ project, board, engine }: Manifest): ImageName {
  return { project, board, engine: `${engine.name} ${engine.version}` };
}

const packageOf = (file: ManifestFile): string | undefined => file.package ?? "(none)";

/** A model is a folder of /models. */
function modelOf(file: { readonly part: string } & ({ readonly path: string } | { readonly name: string })) {
  const path = "path" in file ? file.path : file.name;
  const [folder, model, ...rest] = path.split("/");
  return file.part === "root" && folder === "models" && rest.length > 0 ? model : undefined;
}

function sizesBy(manifest: Manifest, keyOf: (file: ManifestFile) => string | undefined): Map<string, number> {
  const sums = new Map<string, number>();
  for (const file of manifest.files) {
    const key = keyOf(file);
    if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + file.size);
  }
  return sums;
}

function changes(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>, keepEqual: boolean): SizeChange[] {
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((name) => ({ name, from: from.get(name), to: to.get(name) }))
    .filter((change) => keepEqual || change.from !== change.to);
}

function changedVersions(old: Manifest, next: Manifest): VersionChange[] {
  const versions = ({ packages, linked, components }: Manifest) =>
    new Map([...packages, ...linked, ...components].map(({ name, version }) => [name, version]));
  const from = versions(old);
  const to = versions(next);
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort(compareText)
    .flatMap((name) => (from.get(name) === to.get(name) ? [] : [{ name, from: from.get(name), to: to.get(name) }]));
}

function changedFiles(old: Manifest, next: Manifest): FileChange[] {
  const byPlace = ({ files }: Manifest) => new Map(files.map((file) => [`${file.part}\0${file.path}`, file]));
  const from = byPlace(old);
  const to = byPlace(next);
  const changed = [...new Set([...from.keys(), ...to.keys()])].flatMap((place): FileChange[] => {
    const before = from.get(place);
    const after = to.get(place);
    if (before !== undefined && after !== undefined && contentOf(before) === contentOf(after)) return [];
    const [part = "", name = ""] = place.split("\0");
    return [{ part, name, from: before?.size, to: after?.size }];
  });
  return bySize(changed, ({ part, name }) => `${part} ${name}`);
}

const contentOf = ({ sha256, target, mode }: ManifestFile): string => JSON.stringify([sha256, target, mode]);

function bySize<T extends SizeChange>(list: readonly T[], keyOf: (one: T) => string): T[] {
  return [...list].sort((a, b) => Math.abs(growth(b)) - Math.abs(growth(a)) || compareText(keyOf(a), keyOf(b)));
}
