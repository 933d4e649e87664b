/**
 * The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding): a reader that trusts no length of its input and copies
 * nothing, and the few writers that an edit needs.
 */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 a length and that many bytes, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Its value when it is a varint: 64 bits, not signed. */
  readonly value: bigint;
  /** Content when it has a length, else its bytes without the key. */
  readonly bytes: Uint8Array;
  /** The field as it was written, key and all. */
  readonly whole: Uint8Array;
}

/** Not a message, or one that is cut off. `offset` counts from the start of the message. */
export class ProtobufError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
    this.name = "ProtobufError";
  }
}

/** The fields of a message in their order, in time linear in its size. Throws ProtobufError. */
export function* fields(message: Uint8Array): Generator<Field> {
  let offset = 0;
  while (offset < message.length) {
    const start = offset;
    const key = readVarint(message, offset);
    offset = key.end;
    const wire = Number(key.value & 7n);
    const number = Number(key.value >> 3n);
    if (number < 1 || number > 0x1fffffff) throw new ProtobufError(`field number ${number}`, start);
    let value = 0n;
    let from = offset;
    if (wire === 0) {
      const read = readVarint(message, offset);
      value = read.value;
      offset = read.end;
    } else if (wire === 1 || wire === 5) {
      offset += wire === 1 ? 8 : 4;
    } else if (wire === 2) {
      const length = readVarint(message, offset);
      from = length.end;
      if (length.value > BigInt(message.length - from))
        throw new ProtobufError(`${length.value} bytes are announced, ${message.length - from} are left`, start);
      offset = from + Number(length.value);
    } else throw new ProtobufError(`wire type ${wire}`, start);
    if (offset > message.length) throw new ProtobufError("the data ends within a field", start);
    yield { number, wire, value, bytes: message.subarray(from, offset), whole: message.subarray(start, offset) };
  }
}

function readVarint(message: Uint8Array, start: number): { value: bigint; end: number } {
  let low = 0;
  let shift = 0;
  let offset = start;
  // Most are short: numbers up to 2^28 without big integers.
  for (; offset < message.length && shift < 28; shift += 7) {
    const byte = message[offset++] ?? 0;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: BigInt(low), end: offset };
  }
  let value = BigInt(low);
  for (; offset < message.length && shift < 70; shift += 7) {
    const byte = message[offset++] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(shift);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: offset };
  }
  throw new ProtobufError(shift >= 70 ? "a number of more than ten bytes" : "the data ends within a number", start);
}

/** A repeated number: packed into one field, or one a field. Throws ProtobufError. */
export function numbersOf(field: Field): readonly bigint[] {
  if (field.wire === 0) return [field.value];
  const values: bigint[] = [];
  for (let offset = 0; offset < field.bytes.length; ) {
    const { value, end } = readVarint(field.bytes, offset);
    values.push(value);
    offset = end;
  }
  return values;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Text of a field. Throws ProtobufError when it is not UTF-8. */
export function textOf(field: Field): string {
  try {
    return decoder.decode(field.bytes);
  } catch {
    throw new ProtobufError("a text is not UTF-8", 0);
  }
}

/** A message in pieces that may be parts of what was read. */
export type Pieces = readonly Uint8Array[];

export function sizeOf(pieces: Pieces): number {
  return pieces.reduce((size, piece) => size + piece.length, 0);
}

export function varintField(number: number, value: number | bigint): Uint8Array {
  return Uint8Array.from([...varint(BigInt(number) * 8n), ...varint(BigInt.asUintN(64, BigInt(value)))]);
}

export function textField(number: number, text: string): Pieces {
  return lengthField(number, [new TextEncoder().encode(text)]);
}

export function lengthField(number: number, content: Pieces): Pieces {
  return [Uint8Array.from([...varint(BigInt(number) * 8n + 2n), ...varint(BigInt(sizeOf(content)))]), ...content];
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}
