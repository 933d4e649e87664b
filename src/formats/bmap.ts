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

/** A larger map is not read: an image of 128 GB that changes every MiB between used and unused has one of half that size. Bytes. */
export const largestBmap = 16 << 20;

/**
 * Reads a `.bmap` file of format 2.x with sha256 sums, and checks its own hash. The format's vocabulary is a handful of elements, each
 * once, so nothing but those is accepted. A map that leaves out the first block is none of an image that could start.
 * Time and memory are linear in the text's length. Throws BmapError.
 */
export function parseBmap(text: string): BlockMap {
  if (text.length > largestBmap) throw new BmapError(`it is larger than ${largestBmap} bytes`);
  const { version, fields, ranges: found } = readElements(text);
  if (version === undefined) throw new BmapError("there is no element bmap");
  const field = (name: string): Field => {
    const value = fields.get(name);
    if (value === undefined) throw new BmapError(`it has no element ${name}`);
    return value;
  };
  const whole = (name: string): number => {
    const { value } = field(name);
    if (!/^\d{1,15}$/.test(value)) throw new BmapError(`${name} is not a number`);
    return Number(value);
  };
  const { value: kind } = field("ChecksumType");
  if (kind !== "sha256") throw new BmapError(`its sums are ${kind.slice(0, 20)}, not sha256`);
  checkOwnHash(text, field("BmapFileChecksum"));
  const imageSize = whole("ImageSize");
  const blockSize = whole("BlockSize");
  const blocks = whole("BlocksCount");
  if (imageSize === 0 || blockSize === 0 || blockSize % 512 !== 0 || blocks !== Math.ceil(imageSize / blockSize))
    throw new BmapError("its sizes contradict each other");
  const ranges = found.map(parseRange);
  let next = 0;
  for (const { first, last } of ranges) {
    if (first < next || last < first || last >= blocks)
      throw new BmapError(`the range ${first}-${last} is out of order or outside of the image`);
    next = last + 1;
  }
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (mapped !== whole("MappedBlocksCount")) throw new BmapError("its ranges do not add up");
  if (ranges.length === 0) throw new BmapError("it maps no block at all");
  if (ranges[0]?.first !== 0) throw new BmapError("it leaves out the first block, where the partition table is");
  return { imageSize, blockSize, ranges };
}

/** The text of an element without the white space around it, and where that begins. */
interface Field {
  readonly value: string;
  readonly at: number;
}

interface Elements {
  readonly version: string | undefined;
  readonly fields: ReadonlyMap<string, Field>;
  readonly ranges: readonly { readonly attributes: string; readonly value: string }[];
}

const fieldNames: ReadonlySet<string> = new Set([
  ...["ImageSize", "BlockSize", "BlocksCount", "MappedBlocksCount", "ChecksumType", "BmapFileChecksum"],
]);

/** One look at each character: `indexOf` from where the last one ended, and an end of the text that is not expected ends it all. */
function readElements(text: string): Elements {
  const fields = new Map<string, Field>();
  const ranges: { attributes: string; value: string }[] = [];
  let version: string | undefined;
  const find = (what: string, from: number): number => {
    const at = text.indexOf(what, from);
    if (at < 0) throw new BmapError("it is cut off");
    return at;
  };
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at)) {
    if (text.startsWith("<!--", at)) {
      at = find("-->", at + 4) + 3;
      continue;
    }
    const end = find(">", at);
    const [name, attributes] = splitTag(text.slice(at + 1, end));
    at = end + 1;
    if (name === "bmap") {
      if (version !== undefined) throw new BmapError("it has 2 elements bmap");
      version = attributeOf(attributes, "version") ?? "";
      if (!version.startsWith("2.")) throw new BmapError(`its version is ${version.slice(0, 20)}, not 2.x`);
    } else if (name === "Range" || fieldNames.has(name)) {
      const close = find("<", at);
      if (!text.startsWith(`</${name}>`, close))
        throw new BmapError(`the element ${name} holds something else than text`);
      const raw = text.slice(at, close);
      const value = raw.trim();
      if (name === "Range") ranges.push({ attributes, value });
      else if (fields.has(name)) throw new BmapError(`it has 2 elements ${name}`);
      else fields.set(name, { value, at: at + raw.length - raw.trimStart().length });
      at = close + name.length + 3;
    } else if (name !== "BlockMap" && name !== "/BlockMap" && name !== "/bmap" && !name.startsWith("?")) {
      throw new BmapError(`it has an element ${name.slice(0, 20)}`);
    }
  }
  return { version, fields, ranges };
}

/** The name in a tag, and what follows it. */
function splitTag(tag: string): [name: string, attributes: string] {
  const at = tag.search(/\s/);
  return at < 0 ? [tag, ""] : [tag.slice(0, at), tag.slice(at).trim()];
}

/** The value of the only attribute that an element of this format has. */
function attributeOf(attributes: string, name: string): string | undefined {
  const start = `${name}="`;
  const end = attributes.indexOf('"', start.length);
  return attributes.startsWith(start) && end === attributes.length - 1
    ? attributes.slice(start.length, end)
    : undefined;
}

function parseRange({ attributes, value }: Elements["ranges"][number]): MappedRange {
  const sha256 = attributeOf(attributes, "chksum") ?? "";
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new BmapError("a range has no sha256 sum");
  const [, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(value) ?? [];
  if (from === undefined) throw new BmapError(`a range is ${JSON.stringify(value.slice(0, 40))}, not block numbers`);
  return { first: Number(from), last: Number(to), sha256 };
}

/** The format has it: computed with zeros in its place. */
function checkOwnHash(text: string, { value, at }: Field): void {
  const zeros = "0".repeat(64);
  const unhashed = text.slice(0, at) + zeros + text.slice(at + value.length);
  if (value.length !== zeros.length || createHash("sha256").update(unhashed).digest("hex") !== value)
    throw new BmapError("its own hash is another");
}
