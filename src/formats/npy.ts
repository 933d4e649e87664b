/**
 * NumPy's .npy files, versions 1 to 3: one array of numbers or booleans. Source: numpy.lib.format, NEP 1. Input is hostile: the header is a
 * Python literal, of which only the three known keys are read, in one pass.
 */

/** What is wrong with a file: a sentence that goes on after its name, like "is cut off: ...". */
export class NpyError extends Error {}

/** Kinds of numbers: whether signed, unsigned, floating, boolean. */
export type NpyKind = "b" | "i" | "u" | "f";

export interface NpyArray {
  readonly kind: NpyKind;
  /** Bytes of one element: 1, 2, 4 or 8. */
  readonly size: number;
  readonly shape: readonly number[];
  /** Little-endian, row-major, whatever the file has. */
  readonly data: Uint8Array;
}

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** Bytes. NumPy itself refuses headers over 10 000. */
const headerLimit = 65_535;
/** NumPy's own. */
const rankLimit = 64;

const kinds: ReadonlyMap<string, readonly [NpyKind, number]> = new Map([
  ["b1", ["b", 1]],
  ["i1", ["i", 1]],
  ["i2", ["i", 2]],
  ["i4", ["i", 4]],
  ["i8", ["i", 8]],
  ["u1", ["u", 1]],
  ["u2", ["u", 2]],
  ["u4", ["u", 4]],
  ["u8", ["u", 8]],
  ["f2", ["f", 2]],
  ["f4", ["f", 4]],
  ["f8", ["f", 8]],
]);

const otherKinds: Readonly<Record<string, string>> = {
  c: "complex numbers",
  U: "text",
  S: "text",
  a: "text",
  O: "Python objects",
  M: "dates",
  m: "times",
  V: "raw bytes",
  f: "numbers of another precision",
};

/** NumPy's name of an array's type: float32, int64, bool. */
export function npyTypeName({ kind, size }: Pick<NpyArray, "kind" | "size">): string {
  return kind === "b" ? "bool" : `${{ i: "int", u: "uint", f: "float" }[kind]}${size * 8}`;
}

/** Reads a whole file. Throws NpyError. */
export function readNpy(bytes: Uint8Array): NpyArray {
  if (bytes.length < 10 || !magic.every((byte, index) => bytes[index] === byte))
    throw new NpyError("is no .npy file: write it with numpy.save");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  if (major < 1 || major > 3) throw new NpyError(`is of version ${major} of the format; 1 to 3 can be read`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new NpyError("is cut off in its header");
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > headerLimit) throw new NpyError(`has a header of ${length} bytes; at most ${headerLimit} are read`);
  if (start + length > bytes.length) throw new NpyError("is cut off in its header");
  const header = readHeader(Buffer.from(bytes.subarray(start, start + length)).toString("latin1"));
  const [kind, size] = typeOf(header.descr);
  const { shape } = header;
  const count = shape.reduce((product, one) => product * one, 1);
  if (!Number.isSafeInteger(count * size)) throw new NpyError(`has an impossible shape: (${shape.join(", ")})`);
  const found = bytes.length - start - length;
  const told = `${found} bytes of data, and its shape (${shape.join(", ")}) of ${npyTypeName({ kind, size })} needs ${count * size}`;
  if (found < count * size) throw new NpyError(`is cut off: it has ${told}`);
  if (found > count * size) throw new NpyError(`is too long: it has ${told}`);
  const data = ordered({ bytes: bytes.subarray(start + length), shape, size, fortran: header.fortran });
  if (header.descr.startsWith(">")) swap(data, size);
  return { kind, size, shape, data };
}

/** Writes an array as version 1.0, as numpy.save does. */
export function writeNpy({ kind, size, shape, data }: NpyArray): Uint8Array {
  const order = size === 1 ? "|" : "<";
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${order}${kind}${size}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // The data begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.from(`${text.padEnd(length - 1)}\n`, "latin1");
  return Buffer.concat([magic, Uint8Array.of(1, 0, length & 255, length >> 8), header, data]);
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`: each character is looked at once. */
function readHeader(text: string): Header {
  const reader = literalReader(text);
  const { isNext, take, need, string, word, isOver, invalid } = reader;
  let descr: string | undefined;
  let fortran: boolean | undefined;
  let shape: readonly number[] | undefined;
  need("{");
  while (!take("}")) {
    const key = string();
    need(":");
    if (key === "descr" && isNext("[")) throw new NpyError("holds records, not numbers of one type");
    if (key === "descr" && descr === undefined) descr = string();
    else if (key === "fortran_order" && fortran === undefined) fortran = word();
    else if (key === "shape" && shape === undefined) shape = readSizes(reader);
    else throw invalid();
    if (!take(",")) {
      need("}");
      break;
    }
  }
  if (!isOver() || descr === undefined || fortran === undefined || shape === undefined) throw invalid();
  return { descr, fortran, shape };
}

/** Reads Python's literals one after the other, and no further than it must. */
function literalReader(text: string) {
  let at = 0;
  const invalid = () => new NpyError(`has a header that cannot be read, at character ${at}`);
  const skip = () => {
    while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  };
  const isNext = (character: string) => {
    skip();
    return text.charAt(at) === character;
  };
  /** Takes a character when it comes next. */
  const take = (character: string) => {
    if (!isNext(character)) return false;
    at++;
    return true;
  };
  const need = (character: string) => {
    if (!take(character)) throw invalid();
  };
  const string = () => {
    const quote = isNext("'") ? "'" : '"';
    need(quote);
    const end = text.indexOf(quote, at);
    if (end < 0) throw invalid();
    const value = text.slice(at, end);
    at = end + 1;
    return value;
  };
  const word = () => {
    const value = isNext("T") ? "True" : "False";
    if (!text.startsWith(value, at)) throw invalid();
    at += value.length;
    return value === "True";
  };
  const number = () => {
    skip();
    const from = at;
    while (at < text.length && text.charAt(at) >= "0" && text.charAt(at) <= "9") at++;
    const digits = text.slice(from, at);
    if (digits === "" || digits.length > 15) throw invalid();
    // As Python 2 writes some.
    if (text.charAt(at) === "L") at++;
    return Number(digits);
  };
  /** Whether nothing but white space is left. */
  const isOver = () => {
    skip();
    return at === text.length;
  };
  return { isNext, take, need, string, word, number, isOver, invalid };
}

/** `(3, 4)` or `(3,)`. */
function readSizes({ take, need, number }: ReturnType<typeof literalReader>): number[] {
  const sizes: number[] = [];
  need("(");
  while (!take(")")) {
    if (sizes.length === rankLimit) throw new NpyError(`has more than ${rankLimit} dimensions`);
    sizes.push(number());
    if (!take(",")) {
      need(")");
      break;
    }
  }
  return sizes;
}

function typeOf(descr: string): readonly [NpyKind, number] {
  const order = descr.charAt(0);
  const found = kinds.get(descr.slice(1));
  if (found !== undefined && (order === "<" || order === ">" || (order === "|" && found[1] === 1))) return found;
  const other = otherKinds[descr.charAt(1)];
  throw new NpyError(
    other === undefined
      ? `has elements of an unknown type, ${JSON.stringify(descr.slice(0, 20))}`
      : `holds ${other} (${JSON.stringify(descr.slice(0, 20))}), which no model takes or gives`,
  );
}

interface Layout {
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly size: number;
  readonly fortran: boolean;
}

/** A row-major copy of the data. */
function ordered({ bytes, shape, size, fortran }: Layout): Uint8Array {
  // Not slice(): a Buffer's shares its memory.
  if (!fortran || shape.length < 2) return new Uint8Array(bytes);
  const result = new Uint8Array(bytes.length);
  let stride = 1;
  const strides = shape.map((extent) => {
    const here = stride;
    stride *= extent;
    return here;
  });
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < bytes.length; to += size) {
    for (let byte = 0; byte < size; byte++) result[to + byte] = bytes[from * size + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= (strides[axis] ?? 0) * next;
      index[axis] = 0;
    }
  }
  return result;
}

function swap(data: Uint8Array, size: number): void {
  for (let at = 0; size > 1 && at < data.length; at += size) data.subarray(at, at + size).reverse();
}
