import * as z from "../ground/zod.js";

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
export const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, "lower-case letters, digits and dashes");
/** A size: a number of bytes, or "32MiB". Parsed to bytes. */
export const size = z
  .union([
    z.int().positive(),
    z.string().regex(/^\d+ ?(KiB|MiB|GiB|kB|MB|GB)$/, "a number of bytes, or a size like 32MiB"),
  ])
  .transform((value) => {
    if (typeof value === "number") return value;
    const [, digits = "0", unit = ""] = /^(\d+) ?(\w+)$/.exec(value) ?? [];
    const factor: Readonly<Record<string, number>> = {
      KiB: 2 ** 10,
      MiB: 2 ** 20,
      GiB: 2 ** 30,
      kB: 1e3,
      MB: 1e6,
      GB: 1e9,
    };
    return Number(digits) * (factor[unit] ?? 1);
  });

/** Something fetched: a package URL, the file's name in that package version (PyPI has several), its hash. */
export const source = z.strictObject({
  purl: z.string().startsWith("pkg:").describe("Package URL with version."),
  file: z.string().optional().describe("The file's name in that package version, where there are several (PyPI)."),
  sha256: sha256.describe("Its hash: a download that differs is refused."),
  size: z.int().positive().optional().describe("Its size in bytes."),
});
export type Source = z.infer<typeof source>;

export const arch = z.enum(["arm64", "armhf"]);
export type Arch = z.infer<typeof arch>;
