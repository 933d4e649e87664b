import { basename } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { didYouMean } from "../errors/nearest.js";
import { loadOrder, moduleName } from "../formats/kernel-modules.js";
import * as z from "../ground/zod.js";
import { readKernelModules } from "./kernel-modules.js";
import type { StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

/** Kernel modules with all that they need, and the list in which they are loaded one after another. */
export const modulesEntry = z.strictObject({
  type: z.literal("modules"),
  /** The modules go into this folder. */
  path: z.string(),
  /** File names in load order, one a line. */
  list: z.string(),
  /** The folder with one folder of modules per kernel. */
  from: z.strictObject({ input: z.string(), path: z.string() }),
  /** The input that lists them: a tree of the kind `kernel-modules`. */
  index: z.string(),
  wanted: z.array(z.string()),
  /** Wanted elsewhere, and loaded before: neither these nor what they need. */
  loaded: z.array(z.string()).default([]),
});

/**
 * The files of an entry, and its list. Throws ERR_EDGEIMG_IMAGE_MODULE when the kernel lacks a wanted module, or one that such a module
 * needs.
 */
export function expandModules(item: z.infer<typeof modulesEntry>, context: StepContext) {
  const index = readKernelModules(inputFolder(context.inputs, item.index));
  const kernel = `The kernel ${index.release}`;
  const loaded = loadOrder(index, item.loaded).order;
  const { order, unknown, missing } = loadOrder(index, item.wanted, loaded);
  const [name, ...others] = unknown;
  if (name !== undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_IMAGE_MODULE", `${kernel} has no module "${name}".`, {
      subject: name,
      details: others.map((other) => `nor "${other}"`),
      hint: `${didYouMean(moduleName(name), Object.keys(index.modules)).trim()} Correct the name in the board file, or remove it there: drivers that the kernel has built in need no module.`.trim(),
    });
  }
  const [first] = missing;
  if (first !== undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_IMAGE_MODULE", `${kernel} lacks the module "${first.name}".`, {
      details: missing.map((one) => `${one.neededBy} needs ${one.name}`),
      hint: "The kernel's package is incomplete: take another version of it with `edgeimg lock --update`.",
    });
  }
  const paths = order.flatMap((one) => index.modules[one]?.path ?? []);
  return [
    ...paths.map((path) => ({
      type: "file" as const,
      path: `${item.path}/${basename(path)}`,
      mode: 0o644,
      from: { input: item.from.input, path: `${item.from.path}/${index.release}/${path}` },
    })),
    {
      type: "file" as const,
      path: item.list,
      mode: 0o644,
      from: { text: paths.map((path) => `${basename(path)}\n`).join("") },
    },
  ];
}
