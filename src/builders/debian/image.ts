import type { Board } from "../../catalog/board.js";
import type { RootFilesystem } from "../../image/boot-files.js";
import type { RenderTemplate } from "../../image/render.js";
import { imagePrograms, type Programs, toolPath } from "../../parts/image-tools.js";
import type { DebianContext } from "../../parts/roots.js";
import { treeTime } from "../../store/tree.js";

/** Level of the images' zstd compression: higher ones save a few percent and take ten times as long. */
const zstdLevel = 12;

interface FilesystemTools {
  readonly commands: string[][];
  readonly stdin?: string;
  /** Adds the folders and files in `in/app/data`, none of which are there yet, to `out/root.img`; where that is quicker than to begin anew. */
  readonly add?: string[][];
}

/** How a file system is made from the tar of its content; its file is `out/root.img`. No tool takes a time, a user or a random number. */
const filesystems: Readonly<Record<RootFilesystem, (programs: Programs, uuid: string) => FilesystemTools>> = {
  squashfs: (programs) => ({
    stdin: "in/tar/data.tar",
    // New data goes behind the old, and the tables are written anew: the result depends on both contents alone.
    add: [
      [
        programs.squashfsAdd,
        "in/app/data",
        "out/root.img",
        ...["-quiet", "-no-progress", "-no-xattrs", "-reproducible", "-no-recovery", "-all-root", "-root-mode", "0755"],
        // A tree in the store has no right to write. Times are those of the environment's SOURCE_DATE_EPOCH.
        ...["-action", "chmod(u+w)@true"],
      ],
    ],
    commands: [
      [
        programs.squashfs,
        ...[
          "-quiet",
          "-no-progress",
          "-comp",
          "zstd",
          "-Xcompression-level",
          String(zstdLevel),
          "-b",
          "256K",
          "-no-xattrs",
          "-reproducible",
          // The tar has no entry for the root itself; without these it gets the builder's user, umask and time.
          ...["-root-mode", "0755", "-root-uid", "0", "-root-gid", "0", "-root-time", String(treeTime)],
        ],
        "out/root.img",
      ],
    ],
  }),
  erofs: (programs, uuid) => ({
    commands: [
      [
        programs.erofs,
        "--quiet",
        "-zlz4hc,12",
        "-C65536",
        `-U${uuid}`,
        "-T946684800",
        "--tar=f",
        "out/root.img",
        "in/tar/data.tar",
      ],
    ],
  }),
  // Made large, since its size must be told before its content is known, then shrunk to what it holds.
  ext4: (programs, uuid) => ({
    commands: [
      [
        programs.ext4,
        ...["-q", "-t", "ext4", "-L", "root", "-U", uuid, "-E", `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0`],
        ...["-O", "^metadata_csum_seed,^orphan_file,^has_journal,^resize_inode", "-m", "0", "-b", "4096"],
        ...["-d", "in/tar/data.tar", "out/root.img", "4G"],
      ],
      [programs.ext4Shrink, "-f", "-M", "out/root.img"],
    ],
  }),
};

/** Whether the app is added to a file system that holds all else, so that an edit of it compresses nothing else again. */
export const takesAppLater = (context: Pick<DebianContext, "distribution">, filesystem: RootFilesystem): boolean =>
  filesystems[filesystem](imagePrograms(context), "").add !== undefined;

export interface FilesystemOptions {
  readonly tools: string;
  /** The step whose `data.tar` is the content. */
  readonly tar: string;
  /** The step whose `data/` is added to it; only where `takesAppLater`. */
  readonly app: string | undefined;
  readonly filesystem: RootFilesystem;
  /** 8-4-4-4-12 hex digits. */
  readonly uuid: string;
}

export function filesystemStep(context: DebianContext, options: FilesystemOptions): string {
  const { plan } = context;
  const programs = imagePrograms(context);
  const { commands, stdin, add = [] } = filesystems[options.filesystem](programs, options.uuid);
  const { tools, tar, app } = options;
  const whole = plan.add({
    id: app === undefined ? "image/root" : "image/base",
    kind: "run",
    title: `Write the root file system (${options.filesystem})${app === undefined ? "" : " without the app"}`,
    why: "the board mounts it read-only",
    inputs: { tools, tar },
    params: { path: toolPath, commands, ...(stdin === undefined ? {} : { stdin }) },
  });
  if (app === undefined) return whole;
  return plan.add({
    id: "image/root",
    kind: "run",
    title: "Add the app to the root file system",
    why: "an edit of the app compresses nothing else again",
    inputs: { tools, base: whole, app },
    params: {
      path: toolPath,
      commands: [[programs.copy, "--no-preserve=mode", "in/base/root.img", "out/root.img"], ...add],
    },
  });
}

/** The kernel image, gzipped where the board's firmware unpacks it. */
export function kernelStep(context: DebianContext, options: { tools: string; kernel: string; gzip: boolean }): string {
  const { plan, distribution } = context;
  const glob = distribution.kernel.image;
  const raw = plan.add({
    id: "kernel/image",
    kind: "assemble",
    title: "Take the kernel",
    why: "the board's firmware starts it",
    inputs: { kernel: options.kernel },
    params: {
      format: "folder",
      entries: [{ type: "file", path: "kernel", mode: 0o644, from: { input: "kernel", path: `root/${glob}` } }],
    },
  });
  return gzipStep(context, {
    id: "kernel/gzip",
    title: "Compress the kernel",
    why: "the card's slow; firmware unpacks gzip",
    tools: options.tools,
    from: raw,
    path: "data/kernel",
    gzip: options.gzip,
  });
}

/** gzip -9n of one file of an input to `out/data`, or a copy. */
export function gzipStep(
  context: DebianContext,
  job: { id: string; title: string; why: string; tools: string; from: string; path: string; gzip: boolean },
): string {
  const { gzip, print } = imagePrograms(context);
  return context.plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: { tools: job.tools, from: job.from },
    materials: [{ input: "from" }],
    params: {
      path: toolPath,
      stdin: `in/from/${job.path}`,
      stdout: "out/data",
      commands: [job.gzip ? [gzip, "-9", "-n", "-c"] : [print]],
    },
  });
}

export interface BootPartitionOptions {
  readonly tools: string;
  /** The step whose `data/` is the boot partition, and the names in it. */
  readonly files: string;
  readonly names: readonly string[];
  readonly size: number;
  /** Of the disk; it is the file system's number, too. */
  readonly signature: number;
  readonly render: RenderTemplate;
}

/** The boot partition, `out/boot.vfat`: a step of its own, since the app is no part of it. */
export function bootPartitionStep(context: DebianContext, options: BootPartitionOptions): string {
  const config = options.render("image/boot.cfg.hbs", {
    signature: hex(options.signature),
    files: options.names.map((name) => ({ name, image: `in/files/data/${name}` })),
    size: options.size,
  });
  return layoutStep(context, {
    id: "image/boot",
    title: "Write the boot partition",
    why: "the board's firmware reads it",
    tools: options.tools,
    config,
    inputs: { files: options.files },
    output: "boot.vfat",
  });
}

export interface DiskOptions {
  /** The image's file is NAME.img. */
  readonly name: string;
  readonly tools: string;
  readonly root: string;
  readonly boot: string;
  readonly dataSize: number;
  readonly signature: number;
  readonly render: RenderTemplate;
}

/** The whole card: `out/NAME.img`. */
export function diskStep(context: DebianContext, options: DiskOptions): string {
  const config = options.render("image/disk.cfg.hbs", {
    name: options.name,
    signature: hex(options.signature),
    boot: "in/boot/boot.vfat",
    root: "in/root/root.img",
    data: "tmp/data.img",
  });
  return layoutStep(context, {
    id: "image/disk",
    title: "Write the SD-card image",
    why: "it is what is flashed",
    tools: options.tools,
    config,
    inputs: { boot: options.boot, root: options.root },
    before: [[imagePrograms(context).setSize, "-s", String(options.dataSize), "tmp/data.img"]],
    output: `${options.name}.img`,
  });
}

const hex = (signature: number): string => signature.toString(16).padStart(8, "0");

/** Lays partitions out as a rendered configuration says; its one result is moved to `out/`. */
function layoutStep(
  context: DebianContext,
  job: {
    readonly id: string;
    readonly title: string;
    readonly why: string;
    readonly tools: string;
    readonly config: string;
    readonly inputs: Readonly<Record<string, string>>;
    readonly before?: readonly string[][];
    readonly output: string;
  },
): string {
  const { plan } = context;
  const programs = imagePrograms(context);
  const layout = plan.add({
    id: `${job.id}-layout`,
    kind: "compose",
    title: `${job.title}: render its layout`,
    why: "the partitions are laid out as it says",
    inputs: {},
    params: { parts: [], files: { "genimage.cfg": job.config } },
  });
  return plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: { tools: job.tools, layout, ...job.inputs },
    params: {
      path: toolPath,
      commands: [
        [programs.makeFolder, "-p", "tmp/empty", "tmp/genimage", "tmp/out"],
        ...(job.before ?? []),
        [
          programs.layout,
          ...["--config", "in/layout/genimage.cfg", "--rootpath", "tmp/empty", "--tmppath", "tmp/genimage"],
          ...["--inputpath", ".", "--outputpath", "tmp/out"],
        ],
        [programs.move, `tmp/out/${job.output}`, `out/${job.output}`],
      ],
      failure: {
        code: "ERR_EDGEIMG_STEP_FAILED",
        hint: "If the boot partition is full, raise `image.bootSize` in edgeimg.yaml.",
      },
    },
  });
}

export interface ImagerOptions {
  readonly board: Board;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly disk: string;
  /** The step of the compressed image, or that of the image. */
  readonly packed: string;
  /** Day of the package archive, YYYY-MM-DD. */
  readonly date: string;
  readonly url: string | undefined;
  readonly render: RenderTemplate;
}

/** NAME.rpi-imager-manifest; undefined for boards that Raspberry Pi Imager does not know. */
export function imagerStep({ plan }: DebianContext, options: ImagerOptions): string | undefined {
  const { board, name, title, description, date, url } = options;
  if (board.imagerTags.length === 0) return undefined;
  return plan.add({
    id: "image/imager",
    kind: "imager",
    title: "Write the manifest for Raspberry Pi Imager",
    why: "Imager lists and checks the image by it",
    inputs: { disk: options.disk, packed: options.packed },
    params: {
      ...{ name, title, description, date, board: board.title, tags: board.imagerTags, url: url ?? null },
      icon: options.render("imager/icon.svg.hbs", {}),
    },
  });
}
