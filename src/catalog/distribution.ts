import * as z from "../ground/zod.js";
import { name } from "./common.js";
import { dispatchedPackages } from "./dispatch.js";

const globs = z.array(z.string());

const toolSet = z.strictObject({
  /** Names; {triplet} is the target's GNU triplet, with dashes alone. */
  packages: z.array(z.string()).min(1),
  /** Further ones where the target is of the host's architecture. */
  native: z.array(z.string()).default([]),
  /** Folders whose programs are started through the root's own loader. */
  wrap: globs,
  /** Globs; {host} is the host's GNU triplet, {triplet} the target's. */
  only: globs.default(["**"]),
  exclude: globs.default([]),
});

/** Where programs that edgeimg itself starts lie in a set's root, by what they are for. */
const programs = <Role extends string>(roles: readonly Role[]) => z.record(z.enum(roles), z.string());

/** The distribution that tools, sysroots and root file systems are made of: `recipes/distro/NAME.yaml`. */
export const distribution = z.strictObject({
  format: z.literal(1),
  name,
  /** Of several distributions the one that is used. */
  default: z.boolean().default(false),
  /** The namespace in package URLs: pkg:deb/NAMESPACE/... */
  purlNamespace: z.string(),
  suites: z.array(z.string()).min(1),
  /** The suite of security updates, in an archive of its own: for what goes into images, not for tools of the host. */
  security: z.string().optional(),
  components: z.array(z.string()).min(1),
  /** Field Origin of the archive's Release files. */
  origin: z.string(),
  /** The archive's keyring on the host. */
  keyring: z.string(),
  /** Family of the host's distribution -> its package with the keyring. */
  keyringPackages: z.record(z.string(), z.string()),
  /** The container image that jobs of a pipeline run in unless told. */
  container: z.string(),
  tools: z.strictObject({
    toolchain: toolSet.extend({
      /** How the compiler is pointed at a sysroot: {sysroot} is its folder. */
      sysrootFlags: z.array(z.string()),
      programs: programs(["cmake", "ninja"]),
    }),
    image: toolSet.extend({
      programs: programs([
        /** genimage: partitions and disks as its configuration says. */
        "layout",
        /** A file system from a tar archive; squashfs-tools, erofs-utils and e2fsprogs have them. */
        "squashfs",
        "erofs",
        "ext4",
        /** A folder into a squashfs that is there, an ext4 to what it holds. */
        "squashfsAdd",
        "ext4Shrink",
        "gzip",
        "zstd",
        /** Of the GNU coreutils: cp, cat, mv, mkdir, truncate. */
        "copy",
        "print",
        "move",
        "makeFolder",
        "setSize",
      ]),
    }),
    /** `index` is kmod's depmod. */
    modules: toolSet.extend({ programs: programs(["index"]) }),
    qemu: toolSet,
    /** An interpreter for tools that are Python programs. */
    python: toolSet.extend({ programs: programs(["interpreter"]) }),
  }),
  /** Packages of every sysroot. */
  sysroot: z.array(z.string()).min(1),
  /** What of the packages that a project names, and of those that they need, does not go onto an image. */
  extra: z.strictObject({
    /** Of no package. */
    never: globs,
    /** Only of packages that the project names itself. */
    named: globs,
  }),
  /** Packages that ask the processor for more than the distribution's baseline before they use it. */
  dispatched: dispatchedPackages,
  kernel: z.strictObject({
    /** Architecture -> package that depends on the current kernel. */
    packages: z.record(z.string(), z.string()),
    /** Packages of its closure that hold the kernel. */
    keep: globs,
    /** Where the image lies: a glob. */
    image: z.string(),
    /** The folder with one folder of modules for each kernel. */
    modules: z.string(),
    /** Where a device tree lies: a glob, {name} filled in. */
    dtb: z.string(),
  }),
});
export type Distribution = z.infer<typeof distribution>;
