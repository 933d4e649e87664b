import * as z from "../ground/zod.js";
import { arch, name } from "./common.js";
import { pinnedFile } from "./source.js";

const path = z
  .string()
  .regex(/^(?!\/)(?!(?:[^/]*\/)*\.\.(?:\/|$))[^\0\n]+$/, "a relative path without ..")
  .max(1000);

/** A program out of an archive, one archive a host; started through the loader and libraries of the image tools. */
const archiveTool = z.strictObject({
  kind: z.literal("archive"),
  hosts: z
    .partialRecord(
      arch,
      pinnedFile.extend({ strip: z.int().min(0).default(0).describe("Folders taken off each path.") }),
    )
    .describe("Per host architecture, in Debian's words."),
  program: path.describe("The program within the unpacked archive."),
});

/** A program out of the distribution's packages, unpacked into a root of its own. */
const debianTool = z.strictObject({
  kind: z.literal("debian"),
  packages: z.array(z.string()).min(1).describe("Packages for the host, with what they depend on."),
  program: path.describe("The program within the root, such as usr/bin/flatc."),
});

/** A Python program on an interpreter of the distribution's and pinned wheels, unpacked side by side: nothing is resolved, nothing runs at unpacking. */
const pythonTool = z.strictObject({
  kind: z.literal("python"),
  hosts: z
    .array(arch)
    .default([...arch.options])
    .describe("Hosts that the wheels are for; absent: all."),
  wheels: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$/), pinnedFile)
    .default({})
    .describe("Wheels by name: the whole closure, each pinned."),
  module: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.]{0,100}$/)
    .optional()
    .describe("The module that is run; absent: the script that a converter brings."),
});

export const toolEnvironment = z.discriminatedUnion("kind", [archiveTool, debianTool, pythonTool]);
export type ToolEnvironment = z.infer<typeof toolEnvironment>;

/** `recipes/tools/NAME/tool.yaml`: a program that runs on the host while an image is built. */
export const tool = z.strictObject({
  format: z.literal(1).describe("Version of this file's format."),
  name: name.describe("The folder's name."),
  title: z.string().describe("What people call it."),
  version: z.string().describe("The tool's own version."),
  homepage: z.url().describe("Where it is at home."),
  license: z.string().describe("SPDX licence expression. Nothing of it gets into an image."),
  environment: toolEnvironment.describe("Where it comes from and how it is started."),
});
export type Tool = z.infer<typeof tool>;
