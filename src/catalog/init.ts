import * as z from "../ground/zod.js";

const path = z.string().regex(/^[A-Za-z0-9._+@/-]+$/);
const octal = z
  .string()
  .regex(/^[01][0-7]{3}$/, "an octal mode such as '0755'")
  .transform((value) => Number.parseInt(value, 8));

const part = z.strictObject({
  packages: z.array(z.string()).default([]),
  /** Programs without which the part does not work; their libraries follow from their ELF headers. */
  programs: z.array(path).default([]),
});

/** What gives a part's programs in Buildroot. */
const buildrootOptions = z.record(z.string().regex(/^BR2_[A-Za-z0-9_]+$/), z.union([z.boolean(), z.string()]));

/** `recipes/init/recipe.yaml`: what PID 1 and its helpers are, and the skeleton of the root file system. */
export const initRecipe = z.strictObject({
  format: z.literal(1),
  name: z.literal("init"),
  title: z.string(),
  ...part.shape,
  /** The one program that all applets are, by its path within its package. */
  appletProgram: path,
  /** Links /usr/bin/NAME to it, in the root file system and in the initramfs. */
  applets: z.strictObject({ rootfs: z.array(z.string()), initramfs: z.array(z.string()) }),
  /** Only in images with the ssh server. */
  ssh: z.strictObject(part.shape),
  /** The kernel modules of a file system; what they need follows from the kernel. */
  filesystems: z.record(z.string(), z.array(z.string())),
  buildroot: z.strictObject({
    /** Lines of the defconfig for `programs`, for ssh, and for each root file system. */
    options: buildrootOptions,
    ssh: buildrootOptions,
    filesystems: z.record(
      z.string(),
      z.strictObject({
        /** The file in Buildroot's images. */
        image: z.string(),
        options: buildrootOptions,
        kernel: z.array(z.string()),
      }),
    ),
    /** What packages put into the root although no script needs it. */
    unused: z.array(path),
    /** Lines of the kernel fragment of every board. */
    kernel: z.array(z.string()),
    appletConfig: z.strictObject({
      /** Applets whose symbol is not their name in capitals. */
      symbols: z.record(z.string(), z.string()),
      /** Further symbols that the scripts need, and ones that they do not. */
      on: z.array(z.string()),
      off: z.array(z.string()),
    }),
  }),
  /** Folders: path -> mode. */
  directories: z.record(path, octal),
  /** Symbolic links: path -> target. */
  links: z.record(path, z.string()),
  /** Files that are not 0644 or 0755 (executable): path -> mode. */
  modes: z.record(path, octal),
  /** Templates in templates/rootfs/ -> path in the root file system. */
  templates: z.record(z.string(), path),
});
export type InitRecipe = z.infer<typeof initRecipe>;
