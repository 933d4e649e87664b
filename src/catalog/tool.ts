import * as z from "../ground/zod.js";
import { cmakeBuild } from "./cmake.js";
import { arch, name } from "./common.js";
import { inside as path, pinnedFile, sources } from "./source.js";

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
    .record(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$/),
      pinnedFile.extend({
        only: z.array(z.string()).default([]).describe("Globs of what is unpacked; everything when empty."),
      }),
    )
    .default({})
    .describe("Wheels by name: the whole closure, each pinned."),
  module: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_.]{0,100}$/)
    .optional()
    .describe("The module that is run; absent: the script that a converter brings."),
});

/** C or C++ compiled and linked in one command, no build system. */
const programBuild = z.strictObject({
  kind: z.literal("compile"),
  cflags: z.array(z.string()).default([]).describe("Added to -O2 and to the flag that names the core."),
  sources: z.array(path).min(1).describe("Files of the source tree: all of C, else the C++ compiler takes them."),
  link: z.array(z.string()).default([]).describe("Libraries that it is linked with, as -l names them."),
});

/** A program compiled for the host from a locked source, as engines are for boards, and started with the libraries that it was linked with. */
const sourceTool = z.strictObject({
  kind: z.literal("source"),
  sources: sources
    .default({})
    .describe("Archives that it is made of, by name, laid into one tree. The folder's own files when empty."),
  packages: z
    .array(z.string())
    .default([])
    .describe("-dev packages that it is compiled with, beside those of the C and C++ libraries."),
  build: z.discriminatedUnion("kind", [cmakeBuild, programBuild]).describe("How the source becomes a program."),
  program: path.describe("The program within the result, such as usr/bin/flatc."),
});
export type SourceTool = z.infer<typeof sourceTool>;

export const toolEnvironment = z.discriminatedUnion("kind", [archiveTool, debianTool, pythonTool, sourceTool]);
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
