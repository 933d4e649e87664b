import type { RootFilesystem } from "../../image/layout.js";
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
