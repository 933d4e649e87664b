import * as z from "../ground/zod.js";
import { name } from "./common.js";

const globs = z.array(z.string());

const toolSet = z.strictObject({
  /** Names; {triplet} is the target's GNU triplet, with dashes alone. */
  packages: z.array(z.string()).min(1),
  /** Folders whose programs are started through the root's own loader. */
  wrap: globs,
  /** Globs; {host} is the host's GNU triplet, {triplet} the target's. */
  only: globs.default(["**"]),
  exclude: globs.default([]),
});

/** The distribution that tools, sysroots and root file systems are made of: `recipes/distro/NAME.yaml`. */
export const distribution = z.strictObject({
  format: z.literal(1),
  name,
  /** The namespace in package URLs: pkg:deb/NAMESPACE/... */
  purlNamespace: z.string(),
  suites: z.array(z.string()).min(1),
  /** The suite of security updates, in an archive of its own: for what goes into images, not for tools of the host. */
  security: z.string().optional(),
  components: z.array(z.string()).min(1),
  /** The archive's keyring on the host. */
  keyring: z.string(),
  tools: z.strictObject({
    toolchain: toolSet.extend({
      /** How the compiler is pointed at a sysroot: {sysroot} is its folder. */
      sysrootFlags: z.array(z.string()),
    }),
    image: toolSet,
    /** depmod, as usr/sbin/depmod. */
    modules: toolSet,
    qemu: toolSet,
    /** An interpreter for tools that are Python programs: usr/bin/python3. */
    python: toolSet,
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
