import { createHash } from "node:crypto";

/** Blocks of an image that must be written, as `.bmap` files list them (bmaptool(1), format 2.0). Block numbers, both ends included. */
export interface BlockRange {
  readonly first: number;
  readonly last: number;
}

export interface MappedRange extends BlockRange {
  readonly sha256: string;
}

export interface BlockMap {
  readonly imageSize: number;
  readonly blockSize: number;
  readonly ranges: readonly MappedRange[];
}

/** 4096 bytes, what bmaptool itself uses. */
export const bmapBlockSize = 4096;

/** Merges ranges and sorts them. */
export function mergeRanges(ranges: readonly BlockRange[]): BlockRange[] {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

/** The XML of a `.bmap` file. Its own hash is computed with its hash field as zeros, as the format has it. */
export function formatBmap({ imageSize, blockSize, ranges }: BlockMap): string {
  const blocks = Math.ceil(imageSize / blockSize);
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = ranges.map(
    ({ first, last, sha256 }) =>
      `    <Range chksum="${sha256}"> ${first === last ? first : `${first}-${last}`} </Range>`,
  );
  const render = (hash: string) => `<?xml version="1.0" ?>
<bmap version="2.0">
  <ImageSize> ${imageSize} </ImageSize>
  <BlockSize> ${blockSize} </BlockSize>
  <BlocksCount> ${blocks} </BlocksCount>
  <MappedBlocksCount> ${mapped} </MappedBlocksCount>
  <ChecksumType> sha256 </ChecksumType>
  <BmapFileChecksum> ${hash} </BmapFileChecksum>
  <BlockMap>
${lines.join("\n")}
  </BlockMap>
</bmap>
`;
  const zeros = "0".repeat(64);
  return render(createHash("sha256").update(render(zeros)).digest("hex"));
}
