import type { Board } from "./board.js";

/** Who can make a card: edgeimg itself of Debian's packages, or Buildroot. */
export const builderNames = ["debian", "buildroot"] as const;
export type BuilderName = (typeof builderNames)[number];

/**
 * Why a builder cannot make cards for a board, one sentence; undefined when it can. A board needs a source of all that its chip reads
 * from the card, and Buildroot lines of its own.
 */
export function builderLacks(board: Pick<Board, "disk" | "buildroot">, builder: BuilderName): string | undefined {
  const sources = {
    debian: { name: "Debian's packages", has: board.disk.raw.map((one) => one.package ?? one.supplied) },
    buildroot: { name: "Buildroot", has: board.disk.raw.map((one) => one.buildroot) },
  }[builder];
  const missing = board.disk.raw.filter((_, index) => sources.has[index] === undefined).map(({ name }) => name);
  if (missing.length > 0)
    return `The board starts from ${missing.join(" and ")} at a fixed place of the card, for which its file names no source in ${sources.name}.`;
  if (builder === "buildroot" && board.buildroot === undefined)
    return "The board's file has no part `buildroot` with the kernel's options and the boot loader.";
  return undefined;
}

/** The builders that can make cards for a board. */
export function buildersOf(board: Pick<Board, "disk" | "buildroot">): readonly BuilderName[] {
  return builderNames.filter((builder) => builderLacks(board, builder) === undefined);
}
