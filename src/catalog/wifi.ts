import * as z from "../ground/zod.js";
import { moduleName, name, rootPath } from "./common.js";
import { sources } from "./source.js";

/** Compiled of C in one command; what is ours beside the sources goes first, with every warning an error. */
const supplicant = z.strictObject({
  output: z.string().regex(/^[a-z0-9_-]+$/),
  title: z.string(),
  why: z.string(),
  /** Path in the image. */
  install: rootPath,
  cflags: z.array(z.string()),
  /** Folders of the source tree. */
  include: z.array(rootPath),
  /** Files of the source tree. */
  sources: z.array(rootPath).min(1),
  /** Files of the recipe's folder. */
  own: z.strictObject({ cflags: z.array(z.string()), sources: z.array(rootPath).min(1) }),
  /** Folders of headers in the root of `packages`. */
  headers: z.array(rootPath),
  /** Static archives of `packages`, in their library folder. */
  static: z.array(rootPath),
  libs: z.array(z.string()),
  ldflags: z.array(z.string()),
});

/** `recipes/wifi/recipe.yaml`: what an image with Wi-Fi has beside its board's drivers. Its folder `rootfs` is laid over the root. */
export const wifiRecipe = z.strictObject({
  format: z.literal(1),
  name: name.and(z.literal("wifi")),
  title: z.string(),
  version: z.string(),
  license: z.string(),
  /** What the program is made of. */
  sources,
  /** Just these, without what they depend on: headers and libraries of the program, files of the image. */
  packages: z.array(z.string()),
  program: supplicant,
  /** Files of the packages: path there -> path in the image. */
  files: z.record(rootPath, rootPath),
});
export type WifiRecipe = z.infer<typeof wifiRecipe>;

/** A board's part of it. */
export const radio = z.strictObject({
  always: z
    .boolean()
    .default(false)
    .describe(
      "Whether every image of the board has Wi-Fi, since the board has no other network; else those whose project has `system.wifi`.",
    ),
  modules: z
    .array(moduleName)
    .min(1)
    .describe("Drivers of the radio, loaded in this order after `kernel.rootfs`, each after what it needs."),
  packages: z.array(z.string()).default([]).describe("Packages that hold the radio's firmware."),
  firmware: z
    .record(rootPath, rootPath)
    .default({})
    .describe("Files taken from those packages: path in the package -> path in the root file system."),
});
export type Radio = z.infer<typeof radio>;
