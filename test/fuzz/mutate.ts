import { type Field, fields, lengthField, ProtobufError, varintField } from "../../src/formats/protobuf.js";

/** A whole number below a bound. */
export type Roll = (below: number) => number;

/** Numbers at the limits of what a reader may hold them in. */
const extremes: readonly bigint[] = [
  ...[0n, 1n, 7n, 127n, 128n, 255n, 65_535n, 2n ** 20n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n],
  ...[2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

/** A damaged copy: cut off, with bytes changed, put in, taken out, or moved; up to four times. `others` are files whose parts may come in. */
export function damaged(bytes: Uint8Array, others: readonly Uint8Array[], roll: Roll): Uint8Array {
  let result: Uint8Array = bytes;
  for (let count = 1 + roll(4); count > 0; count--) result = damagedOnce(result, others, roll);
  return result;
}

function damagedOnce(bytes: Uint8Array, others: readonly Uint8Array[], roll: Roll): Uint8Array {
  const at = roll(bytes.length + 1);
  const length = Math.min(1 + roll(roll(4) === 0 ? 64 : 4), bytes.length - at);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at + length);
  switch (roll(6)) {
    case 0:
      return before;
    case 1:
      return joined(before, noise(length, roll), after);
    case 2:
      return joined(before, after);
    case 3:
      return joined(before, noise(1 + roll(16), roll), bytes.subarray(at));
    case 4:
      return joined(before, Uint8Array.of([0, 0x7f, 0x80, 0xff][roll(4)] ?? 0), bytes.subarray(at + 1));
    default: {
      const other = others[roll(others.length)] ?? bytes;
      const from = roll(other.length + 1);
      return joined(before, other.subarray(from, from + roll(64)), after);
    }
  }
}

/** A damaged Protocol Buffers message whose lengths are right again, so that the damage reaches what reads its content. */
export function damagedMessage(bytes: Uint8Array, others: readonly Uint8Array[], roll: Roll): Uint8Array {
  let list: Field[];
  try {
    list = [...fields(bytes)];
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    return damaged(bytes, others, roll);
  }
  const at = roll(list.length);
  const field = list[at];
  if (field === undefined) return damaged(bytes, others, roll);
  const whole = (one: Field) => one.whole;
  const replaced = (...pieces: readonly Uint8Array[]) =>
    joined(...list.slice(0, at).map(whole), ...pieces, ...list.slice(at + 1).map(whole));
  const isMessage = field.wire === 2 && field.bytes.length > 1;
  // Mostly further in: what is there are the nodes, their attributes, the dimensions.
  if (isMessage && roll(8) > 0)
    return replaced(...lengthField(field.number, [damagedMessage(field.bytes, others, roll)]));
  switch (roll(6)) {
    case 0:
      return replaced();
    case 1:
      return replaced(...Array.from({ length: 2 + roll(roll(8) === 0 ? 200 : 3) }, () => field.whole));
    case 2:
      return replaced(varintField(1 + roll(30), extremes[roll(extremes.length)] ?? 0n));
    case 3:
      return replaced(...lengthField(1 + roll(30), [field.bytes]));
    case 4:
      return replaced(list[roll(list.length)]?.whole ?? field.whole);
    default:
      return field.wire === 0
        ? replaced(varintField(field.number, extremes[roll(extremes.length)] ?? 0n))
        : replaced(...lengthField(field.number, [damaged(field.bytes, others, roll)]));
  }
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

function noise(length: number, roll: Roll): Uint8Array {
  return Uint8Array.from({ length }, () => roll(256));
}
