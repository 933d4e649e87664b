import { dirname } from "node:path/posix";
import { architectures } from "../../catalog/architecture.js";
import type { ImageDescription } from "../../image/describe.js";
import type { BootFile, FileEntry, FileSource } from "../../image/entries.js";
import type { DebianContext } from "../../parts/roots.js";
import type { AssembleEntry } from "../../steps/assemble.js";
import { gzipStep } from "./kernel.js";

/** What the files of an image are taken from. */
export interface ImageSources {
  /** Root of the target's packages. */
  readonly packages: string;
  readonly kernel: string;
  /** The list of the kernel's modules. */
  readonly modules: string;
  /** recipes/init. */
  readonly init: string;
  /** Root of the firmware's packages, for boards that have some. */
  readonly firmware?: string | undefined;
}

/** Turns where a file comes from into a place in an input of an assemble step. */
function placeOf(context: DebianContext, source: FileSource): { input: string; path: string } | { text: string } {
  const { distribution } = context;
  switch (source.from) {
    case "text":
      return { text: source.text };
    case "package":
      return { input: "packages", path: `root/${source.path}` };
    case "recipe":
      return { input: "init", path: source.path };
    case "dtb":
      return { input: "kernel", path: `root/${distribution.kernel.dtb.replace("{name}", source.name)}` };
    case "input":
      return { input: source.input, path: source.path };
    case "kernel":
      return { input: "image", path: "data" };
    case "initramfs":
      return { input: "initramfs", path: "data" };
  }
}

function toEntry(context: DebianContext, entry: FileEntry): AssembleEntry {
  if (entry.type === "file")
    return { type: "file", path: entry.path, mode: entry.mode, from: placeOf(context, entry.source) };
  if (entry.type !== "modules") return entry;
  const { type, path, list, wanted, loaded } = entry;
  const from = { input: "kernel", path: `root/${context.distribution.kernel.modules}` };
  return { type, path, list, from, index: "modules", wanted: [...wanted], loaded: [...loaded] };
}

export interface BootOptions {
  readonly image: ImageDescription;
  readonly sources: ImageSources;
  readonly tools: string;
  /** The kernel as the boot partition holds it. */
  readonly kernelImage: string;
}

/** The boot partition's content in `out/data/`, and the initramfs in it. */
export function bootStep(
  context: DebianContext,
  options: BootOptions,
): { readonly step: string; readonly initramfs: string } {
  const { image, sources } = options;
  const cpio = context.plan.add({
    id: "boot/initramfs",
    kind: "assemble",
    title: "Assemble the initramfs",
    why: "the kernel's drivers of card and file systems are modules",
    inputs: {
      packages: sources.packages,
      kernel: sources.kernel,
      modules: sources.modules,
      init: sources.init,
    },
    params: {
      format: "cpio",
      entries: image.initramfs.map((entry) => toEntry(context, entry)),
    },
  });
  const initramfs = gzipStep(context, {
    id: "boot/initramfs-gzip",
    title: "Compress the initramfs",
    why: "the boot partition holds it compressed",
    tools: options.tools,
    from: cpio,
    path: "data.cpio",
    gzip: true,
  });
  const step = context.plan.add({
    id: "boot/files",
    kind: "assemble",
    title: "Collect the boot partition's files",
    why: "the board's firmware reads them",
    inputs: {
      packages: sources.firmware ?? sources.packages,
      kernel: sources.kernel,
      image: options.kernelImage,
      initramfs,
    },
    params: { format: "folder", entries: image.boot.map((file) => bootEntry(context, file)) },
  });
  return { step, initramfs: cpio };
}

function bootEntry(context: DebianContext, file: BootFile): AssembleEntry {
  return { type: "file", path: file.name, mode: 0o644, from: placeOf(context, file.source) };
}

export interface RootfsStepOptions {
  readonly image: ImageDescription;
  readonly sources: ImageSources;
  /** Further inputs and what is taken from them: the app, models, the engine. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly entries: readonly AssembleEntry[];
  /** Folders of those inputs that hold shared libraries. */
  readonly libraries: readonly { readonly input: string; readonly path: string; readonly target: string }[];
  /** Libraries of packages that something opens by name. */
  readonly wanted: readonly { readonly name: string; readonly neededBy: string }[];
  /** A folder that is added to the file system afterwards, and what in it may need libraries. */
  readonly later?: { readonly folder: string; readonly entries: readonly AssembleEntry[] };
}

/** The root file system as `out/data.tar`, with the shared libraries that its programs need and nothing else. */
export function rootfsStep(context: DebianContext, options: RootfsStepOptions): string {
  const { later } = options;
  const base = [...options.image.rootfs]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .filter(({ path }) => path !== later?.folder)
    .map((entry) => toEntry(context, entry));
  return context.plan.add({
    id: "rootfs",
    kind: "assemble",
    title: "Assemble the root file system",
    why: "only what is proven to be needed goes into it",
    inputs: {
      packages: options.sources.packages,
      kernel: options.sources.kernel,
      modules: options.sources.modules,
      init: options.sources.init,
      ...options.inputs,
    },
    params: {
      format: "tar",
      entries: [...base, ...options.entries],
      closure: {
        ...closureOf(context, options),
        ...(later === undefined || later.entries.length === 0 ? {} : { also: later.entries }),
        ...(options.wanted.length === 0 ? {} : { wanted: options.wanted }),
      },
    },
  });
}

/** Where the libraries of a root file system are looked for: those of its parts, then those of the input `packages`. */
export function closureOf({ arch }: DebianContext, { libraries }: Pick<RootfsStepOptions, "libraries">) {
  const { triplet, loader, elfMachine } = architectures[arch];
  return {
    machine: elfMachine,
    loaderFolder: dirname(loader),
    folders: [
      ...libraries,
      { input: "packages", path: `root/usr/lib/${triplet}`, target: `usr/lib/${triplet}` },
      { input: "packages", path: "root/usr/lib", target: "usr/lib" },
    ],
  };
}
