import { readFileSync } from "node:fs";
import t from "tap";
import { NpyError, npyTypeName, readNpy, writeNpy } from "../../src/formats/npy.js";
import { randomFrom } from "../helpers/random.js";

/** Files of test/fixtures/npy, written by NumPy (make.py there). */
const file = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/npy/${name}.npy`, import.meta.url)));

/** A version 1 file with a header of our own. */
const withHeader = (text: string, data = new Uint8Array(), length = text.length) =>
  Buffer.concat([
    Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, length & 255, length >> 8]),
    Buffer.from(text, "latin1"),
    data,
  ]);

const numbersOf = ({ kind, size, data }: ReturnType<typeof readNpy>): number[] => {
  const { buffer } = data.slice();
  if (kind === "f") return Array.from(size === 4 ? new Float32Array(buffer) : new Float64Array(buffer));
  if (size === 1) return Array.from(kind === "i" ? new Int8Array(buffer) : new Uint8Array(buffer));
  if (size === 2) return Array.from(kind === "i" ? new Int16Array(buffer) : new Uint16Array(buffer));
  if (size === 4) return Array.from(kind === "i" ? new Int32Array(buffer) : new Uint32Array(buffer));
  return Array.from(kind === "i" ? new BigInt64Array(buffer) : new BigUint64Array(buffer), Number);
};

t.test("every type of numbers that NumPy writes, of either byte order, row by row or column by column", async (t) => {
  const signed = [-3, -2, -1, 0, 1, 2];
  for (const type of ["f4", "f8", "i1", "i2", "i4", "i8"])
    for (const order of ["little", "big"]) {
      const array = readNpy(file(`${order}-${type}`));
      t.same(array.shape, [2, 3], `${order} ${type}`);
      t.same(numbersOf(array), signed, `${order} ${type}`);
    }
  for (const type of ["u1", "u2", "u4", "u8"])
    t.same(numbersOf(readNpy(file(`little-${type}`))), [3, 2, 1, 0, 1, 2], type);
  t.same(readNpy(file("big-f2")), readNpy(file("little-f2")), "float16");
  t.same(numbersOf(readNpy(file("bool"))), [0, 0, 0, 0, 1, 1]);
  t.same(
    numbersOf(readNpy(file("fortran"))),
    Array.from({ length: 24 }, (_, index) => index),
  );
  t.equal(npyTypeName(readNpy(file("little-u2"))), "uint16");
  t.equal(npyTypeName(readNpy(file("bool"))), "bool");
});

t.test("versions 1 to 3; scalars, vectors and nothing", async (t) => {
  for (const name of ["version2", "version3"]) t.same(readNpy(file(name)), readNpy(file("little-f4")), name);
  t.match(readNpy(file("scalar")), { shape: [], size: 4 });
  t.match(readNpy(file("vector")), { shape: [4], kind: "i" });
  t.match(readNpy(file("empty")), { shape: [0, 3] });
});

t.test("what NumPy writes is written the same", async (t) => {
  for (const name of ["little-f4", "little-i8", "little-u1", "bool", "scalar", "vector", "empty"])
    t.same(Buffer.from(writeNpy(readNpy(file(name)))), Buffer.from(file(name)), name);
});

t.test("what holds no numbers is called by its name", async (t) => {
  for (const [name, says] of [
    ["text", /holds text \("<U2"\)/],
    ["complex", /holds complex numbers/],
    ["records", /holds records/],
    ["dates", /holds dates/],
    ["objects", /holds Python objects/],
    ["long-double", /numbers of another precision/],
  ] as const)
    t.throws(() => readNpy(file(name)), says, name);
});

t.test("a damaged file is an error of the file, at once", async (t) => {
  const whole = file("little-f4");
  const head = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
  for (const [what, bytes, says] of [
    ["nothing", new Uint8Array(), /no \.npy file/],
    ["a zip, as numpy.savez writes", Buffer.from("PK\u0003\u0004 and more"), /no \.npy file/],
    ["cut in the magic", whole.subarray(0, 8), /no \.npy file/],
    ["cut in the header", whole.subarray(0, 40), /cut off in its header/],
    ["cut in the data", whole.subarray(0, -5), /cut off: it has 19 bytes of data, .*\(2, 3\) of float32 needs 24/],
    ["two arrays in one file", Buffer.concat([whole, whole]), /too long/],
    ["version 9", Uint8Array.from(whole, (byte, index) => (index === 6 ? 9 : byte)), /version 9/],
    ["a header beyond the file", withHeader("{", undefined, 65_535), /cut off in its header/],
    [
      "a header of 4 GB",
      Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY"), Buffer.from([2, 0, 255, 255, 255, 255])]),
      /header of 4294967295 bytes/,
    ],
    ["no header", withHeader(""), /header that cannot be read, at character 0/],
    ["an expression", withHeader(`${head}__import__('os').system('x')}`), /cannot be read/],
    ["a key twice", withHeader("{'descr': '<f4', 'descr': '<f4'}"), /cannot be read/],
    ["an unknown key", withHeader("{'order': 'C'}"), /cannot be read/],
    ["a missing key", withHeader("{'descr': '<f4'}"), /cannot be read/],
    ["a negative size", withHeader(`${head}(-1,), }`), /cannot be read/],
    ["more elements than can be", withHeader(`${head}(999999999, 999999999), }`), /impossible shape/],
    ["a size with 400 digits", withHeader(`${head}(${"9".repeat(400)},), }`), /cannot be read/],
    ["1000 dimensions", withHeader(`${head}(${"1, ".repeat(1000)}), }`), /more than 64 dimensions/],
    ["an unknown type", withHeader("{'descr': '<q4', 'fortran_order': False, 'shape': (), }"), /unknown type, "<q4"/],
    ["an open text", withHeader("{'descr"), /cannot be read/],
  ] as const)
    t.throws(() => readNpy(bytes), { name: "Error", message: says }, what);
});

t.test("random changes never end in anything but a result or an NpyError", async (t) => {
  const random = randomFrom(7);
  for (let round = 0; round < 3000; round++) {
    const bytes = file("little-f4").slice();
    for (let change = 0; change < 3; change++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      readNpy(bytes.subarray(0, Math.floor(random() * 2 * bytes.length)));
    } catch (error) {
      if (!(error instanceof NpyError)) t.fail(String(error));
    }
  }
});
