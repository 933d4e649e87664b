import { sha256 } from "../../catalog/common.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import * as z from "../../ground/zod.js";

const symbol = z.string().regex(/^BR2_[A-Za-z0-9_]+$/, "a symbol of Buildroot");

const series = z.strictObject({
  /** YEAR.MONTH; its releases are YEAR.MONTH and YEAR.MONTH.N. */
  name: z.string().regex(/^20\d\d\.\d\d$/, "a series such as 2026.05"),
  /** The kernel of every board, with where its hash comes from. */
  kernel: z.strictObject({ version: z.string(), sha256, from: z.string() }),
  trustedFirmware: symbol,
  /** Of packages of the release that the bytecode's compiler is made of: the archive and licence text, name -> hash. */
  sources: z.record(z.string(), z.record(z.string(), sha256)),
});
export type Series = z.infer<typeof series>;

/** `templates/buildroot/releases.yaml`. */
export const releases = z.strictObject({
  toolchain: symbol,
  kernelLicenses: z.record(z.string(), sha256),
  series: z.array(series).min(1),
});
export type Releases = z.infer<typeof releases>;

/** The version that a Buildroot tree says of itself in its Makefile; undefined when it is no such Makefile. */
export function releaseOf(makefile: string): string | undefined {
  return /^export BR2_VERSION := (\S+)$/m.exec(makefile)?.[1];
}

/**
 * The series of a release such as 2026.05.1 or 2026.08-git; a release between two series is taken like the older of them.
 * Throws ERR_EDGEIMG_BUILDROOT_RELEASE for one that is older than all.
 */
export function seriesFor(known: Releases, release: string): Series {
  const wanted = /^(20\d\d\.\d\d)/.exec(release)?.[1] ?? "";
  const found = known.series.find(({ name }) => name <= wanted);
  if (found !== undefined) return found;
  throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_RELEASE", `Buildroot ${release} is too old.`, {
    hint: `Use a release of ${known.series.map(({ name }) => name).join(" or ")}, or a later one.`,
  });
}

/** A series by its name, or the newest. Throws ERR_EDGEIMG_BUILDROOT_RELEASE. */
export function seriesNamed(known: Releases, name: string | undefined): Series {
  const found = name === undefined ? known.series[0] : known.series.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_RELEASE", `There is no series "${name}" of Buildroot here.`, {
    hint: `Known: ${known.series.map((one) => one.name).join(", ")}.`,
  });
}
