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

/** Thrown for text that is no block map, a damaged one, or one of a version that is not read here. */
export class BmapError extends Error {
  override readonly name = "BmapError";
}

/**
 * Reads a `.bmap` file of format 2.x with sha256 sums, and checks its own hash. The format's vocabulary is a handful of elements, each
 * once, so nothing but those is accepted. Throws BmapError.
 */
export function parseBmap(text: string): BlockMap {
  const plain = text.replace(/<!--[\s\S]*?-->/g, "");
  const field = (name: string): string => {
    const found = [...plain.matchAll(new RegExp(`<${name}>\\s*([^<]*?)\\s*</${name}>`, "g"))];
    if (found.length !== 1) throw new BmapError(`it has ${found.length} elements ${name}`);
    return found[0]?.[1] ?? "";
  };
  const whole = (name: string): number => {
    const value = field(name);
    if (!/^\d{1,15}$/.test(value)) throw new BmapError(`${name} is not a number`);
    return Number(value);
  };
  const version = /<bmap\s+version="([^"]*)"\s*>/.exec(plain)?.[1];
  if (version === undefined) throw new BmapError("there is no element bmap");
  if (!version.startsWith("2.")) throw new BmapError(`its version is ${version}, not 2.x`);
  if (field("ChecksumType") !== "sha256") throw new BmapError(`its sums are ${field("ChecksumType")}, not sha256`);
  const hash = field("BmapFileChecksum");
  const unhashed = text.replace(hash, "0".repeat(hash.length));
  if (createHash("sha256").update(unhashed).digest("hex") !== hash) throw new BmapError("its own hash is another");
  const imageSize = whole("ImageSize");
  const blockSize = whole("BlockSize");
  const blocks = whole("BlocksCount");
  if (imageSize === 0 || blockSize === 0 || blockSize % 512 !== 0 || blocks !== Math.ceil(imageSize / blockSize))
    throw new BmapError("its sizes contradict each other");
  const ranges: MappedRange[] = [];
  let next = 0;
  for (const [, sha256 = "", from = "", to = from] of plain.matchAll(
    /<Range\s+chksum="([0-9a-f]{64})"\s*>\s*(\d{1,15})(?:-(\d{1,15}))?\s*<\/Range>/g,
  )) {
    const range = { first: Number(from), last: Number(to), sha256 };
    if (range.first < next || range.last < range.first || range.last >= blocks)
      throw new BmapError(`the range ${from}-${to} is out of order or outside of the image`);
    ranges.push(range);
    next = range.last + 1;
  }
  if (ranges.length !== (plain.match(/<Range[\s>]/g) ?? []).length) throw new BmapError("a range has no sha256 sum");
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (mapped !== whole("MappedBlocksCount")) throw new BmapError("its ranges do not add up");
  return { imageSize, blockSize, ranges };
}
