/**
 * Flattened device trees, version 17 (Devicetree Specification 0.4, chapter 5). Trees are immutable: every edit gives a new one.
 */
export interface FdtNode {
  /** With the unit address, `i2c@7ef04500`; the root's is empty. */
  readonly name: string;
  readonly properties: ReadonlyMap<string, Uint8Array>;
  readonly children: readonly FdtNode[];
}

export interface Fdt {
  readonly root: FdtNode;
  /** Pairs of address and size that the kernel must not use. */
  readonly reserved: readonly { readonly address: bigint; readonly size: bigint }[];
  readonly bootCpu: number;
}

/** Thrown for bytes that are no device tree; `offset` is where reading stopped. */
export class FdtError extends Error {
  override readonly name = "FdtError";
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(`${message} (at byte ${offset})`);
  }
}

const magic = 0xd00dfeed;
const headerSize = 40;
const token = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;
/** Deeper than any real tree; keeps a hostile one from exhausting the stack. */
const maxDepth = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false });

/** Reads a device tree. Throws FdtError when it is cut off, of another version or malformed. */
export function parseFdt(bytes: Uint8Array): Fdt {
  if (bytes.length < headerSize) throw new FdtError("too short for a device tree", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== magic) throw new FdtError("no device tree magic", 0);
  const total = view.getUint32(4);
  if (total > bytes.length) throw new FdtError(`cut off: ${total} bytes expected, ${bytes.length} found`, 4);
  if (view.getUint32(24) > 17 || view.getUint32(20) < 16) throw new FdtError("not version 16 or 17", 20);
  const structure = view.getUint32(8);
  const strings = view.getUint32(12);
  if (structure % 4 !== 0 || structure >= total || strings > total) throw new FdtError("bad block offsets", 8);
  const reader: Reader = { bytes, view, end: total, strings, at: structure };
  skipNops(reader);
  if (next(reader) !== token.beginNode) throw new FdtError("no root node", structure);
  const root = readNode(reader, 0);
  skipNops(reader);
  if (next(reader) !== token.end) throw new FdtError("no end of the structure block", reader.at - 4);
  return { root, reserved: readReserved(view, total), bootCpu: view.getUint32(28) };
}

interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  readonly strings: number;
  at: number;
}

function next(reader: Reader): number {
  if (reader.at + 4 > reader.end) throw new FdtError("cut off", reader.at);
  const value = reader.view.getUint32(reader.at);
  reader.at += 4;
  return value;
}

function skipNops(reader: Reader): void {
  while (reader.at + 4 <= reader.end && reader.view.getUint32(reader.at) === token.nop) reader.at += 4;
}

function readNode(reader: Reader, depth: number): FdtNode {
  if (depth > maxDepth) throw new FdtError("nested too deeply", reader.at);
  const name = readString(reader, reader.at);
  reader.at = align(reader.at + encoder.encode(name).length + 1);
  const properties = new Map<string, Uint8Array>();
  const children: FdtNode[] = [];
  for (;;) {
    const at = reader.at;
    switch (next(reader)) {
      case token.property: {
        const length = next(reader);
        const nameOffset = next(reader);
        if (reader.at + length > reader.end) throw new FdtError("a property leaves the tree", at);
        properties.set(
          readString(reader, reader.strings + nameOffset),
          reader.bytes.slice(reader.at, reader.at + length),
        );
        reader.at = align(reader.at + length);
        break;
      }
      case token.beginNode:
        children.push(readNode(reader, depth + 1));
        break;
      case token.nop:
        break;
      case token.endNode:
        return { name, properties, children };
      default:
        throw new FdtError("unknown token", at);
    }
  }
}

function readString(reader: Reader, at: number): string {
  const end = reader.bytes.indexOf(0, at);
  if (at >= reader.end || end < 0 || end >= reader.end) throw new FdtError("a string has no end", at);
  return decoder.decode(reader.bytes.subarray(at, end));
}

function readReserved(view: DataView, total: number): Fdt["reserved"] {
  const found: { address: bigint; size: bigint }[] = [];
  for (let at = view.getUint32(16); ; at += 16) {
    if (at + 16 > total) throw new FdtError("the list of reserved memory has no end", at);
    const entry = { address: view.getBigUint64(at), size: view.getBigUint64(at + 8) };
    if (entry.address === 0n && entry.size === 0n) return found;
    found.push(entry);
  }
}

/** Writes a device tree, version 17. Equal trees give equal bytes. */
export function writeFdt(tree: Fdt): Uint8Array {
  const { structure, strings, stringsSize } = writeNodes(tree.root);
  // The list of reserved memory ends with a pair of zeros.
  const structureAt = headerSize + (tree.reserved.length + 1) * 16;
  const stringsAt = structureAt + structure.length;
  const total = stringsAt + stringsSize;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const header = [
    magic,
    total,
    structureAt,
    stringsAt,
    headerSize,
    17,
    16,
    tree.bootCpu,
    stringsSize,
    structure.length,
  ];
  for (const [index, value] of header.entries()) view.setUint32(index * 4, value);
  for (const [index, { address, size }] of tree.reserved.entries()) {
    view.setBigUint64(headerSize + index * 16, address);
    view.setBigUint64(headerSize + index * 16 + 8, size);
  }
  bytes.set(structure, structureAt);
  for (const [name, offset] of strings) bytes.set(encoder.encode(name), stringsAt + offset);
  return bytes;
}

/** The block of nodes, and the block of strings with the offset of each property's name. */
function writeNodes(root: FdtNode) {
  const strings = new Map<string, number>();
  let stringsSize = 0;
  const structure: number[] = [];
  const word = (value: number): void => {
    structure.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  };
  const raw = (bytes: Uint8Array): void => {
    for (const byte of bytes) structure.push(byte);
    while (structure.length % 4 !== 0) structure.push(0);
  };
  const nameOffset = (name: string): number => {
    const known = strings.get(name);
    if (known !== undefined) return known;
    const offset = stringsSize;
    strings.set(name, offset);
    stringsSize += encoder.encode(name).length + 1;
    return offset;
  };
  const node = ({ name, properties, children }: FdtNode): void => {
    word(token.beginNode);
    raw(encoder.encode(`${name}\0`));
    for (const [key, value] of properties) {
      word(token.property);
      word(value.length);
      word(nameOffset(key));
      raw(value);
    }
    for (const child of children) node(child);
    word(token.endNode);
  };
  node(root);
  word(token.end);
  return { structure, strings, stringsSize };
}

function align(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
