import * as z from "../ground/zod.js";
import { name, rootPath, sha256, size } from "./common.js";

/** Where tables of partitions end: an MBR is one sector; a GPT is its header and 128 entries behind it. */
const tableEnds = { mbr: 512, gpt: 34 * 512 } as const;

/** A file that nobody may hand on, or that no package has: the user puts it beside the project. */
const suppliedBlob = z.strictObject({
  purl: z
    .string()
    .regex(/^pkg:generic\/[a-z0-9][a-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/, "pkg:generic/NAME@VERSION")
    .describe(
      "What it is called in `supplied` of edgeimg.yaml, where the user gives its hash: `pkg:generic/NAME@yours` for a file of any version.",
    ),
  how: z.string().describe("How a user gets it, one sentence."),
  sha256: sha256.optional().describe("Its hash, where there is one file for everybody; else the project gives it."),
});

const blob = z
  .strictObject({
    name,
    offset: size.describe("Bytes from the start of the card."),
    package: rootPath
      .optional()
      .describe("Its path in one of the packages of `boot.packages`: what the Debian builder takes."),
    buildroot: rootPath.optional().describe("Its path in Buildroot's images: what that builder takes."),
    supplied: suppliedBlob.optional().describe("For the Debian builder, where no package has it."),
  })
  .refine(
    (one) => [one.package, one.buildroot, one.supplied].some((source) => source !== undefined),
    "say where it comes from: `package`, `buildroot` or `supplied`",
  )
  .refine((one) => one.package === undefined || one.supplied === undefined, "`package` or `supplied`, not both");

export const disk = z
  .strictObject({
    table: z.enum(["mbr", "gpt"]).default("mbr").describe("The kind of partition table."),
    start: size.prefault("4MiB").describe("Where the boot partition begins; root and data follow."),
    bootName: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,35}$/, "letters, digits, - and _")
      .default("boot")
      .describe("The boot partition's name in a GPT."),
    raw: z
      .array(blob)
      .default([])
      .describe("What the chip, or the loader before, reads from fixed places outside of the partitions."),
  })
  .superRefine(({ table, start, raw }, context) => {
    for (const [index, { name, offset }] of raw.entries()) {
      const issue = (message: string) => context.addIssue({ code: "custom", path: ["raw", index, "offset"], message });
      if (offset < tableEnds[table])
        issue(`${name} would lie in the ${table.toUpperCase()}, which takes ${tableEnds[table]} bytes`);
      if (offset >= start) issue(`${name} would lie in the partitions, which begin at ${start} bytes`);
      if (offset % 512 !== 0) issue(`${name} does not begin with a sector of 512 bytes`);
    }
  });
export type Disk = z.infer<typeof disk>;
export type RawBlob = Disk["raw"][number];
