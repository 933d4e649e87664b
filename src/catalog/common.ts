import * as z from "../ground/zod.js";

export { type Arch, arch } from "./architecture.js";

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
export const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,39}[a-z0-9])?$/, "lower-case letters, digits and inner dashes");
/** A kernel module's name; `-` and `_` are the same, as they are for modprobe. */
export const moduleName = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, "a kernel module's name without .ko");
/** A path within an image, or within what a package unpacks to. */
export const rootPath = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+@,=-]*(\/[A-Za-z0-9][A-Za-z0-9._+@,=-]*)*$/,
    "a path without a leading slash and without ..",
  );
/** A processor beside the core, by a word that boards and engines share: `cuda`. */
export const accelerator = name;
/** What an MBR can tell of a partition, in sectors of 512 bytes: 32 bits. */
const largestSize = 2 ** 41;
/** A size: a number of bytes, or "32MiB"; from 1 byte to 2 TiB. Parsed to bytes. */
export const size = z
  .union([
    z.int().positive().max(largestSize),
    z.string().regex(/^\d{1,13} ?(KiB|MiB|GiB|kB|MB|GB)$/, "a number of bytes, or a size like 32MiB"),
  ])
  .transform((value, context) => {
    const bytes = bytesOf(value);
    if (bytes < 1 || bytes > largestSize)
      context.addIssue({ code: "custom", message: `a size from 1 byte to 2048GiB, not ${value}` });
    return bytes;
  });

function bytesOf(value: string | number): number {
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
}

/** A size within bounds, both written as a size: `sizeBetween("1MiB", "1024GiB")`. */
export const sizeBetween = (least: string, most: string) =>
  size.refine((bytes) => bytes >= bytesOf(least) && bytes <= bytesOf(most), `a size from ${least} to ${most}`);
