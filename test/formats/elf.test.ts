import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import t from "tap";
import { readElf } from "../../src/formats/elf.js";
import { randomFrom } from "../helpers/random.js";

interface Make {
  readonly bits: 32 | 64;
  readonly machine: number;
  readonly type?: number;
  readonly interpreter?: string;
  /** Tag and text; 1 NEEDED, 14 SONAME, 15 RPATH, 29 RUNPATH. */
  readonly dynamic?: readonly (readonly [number, string])[];
}

/** An ELF file with the parts that the reader looks at, laid out as linkers do: segments, interpreter, strings, dynamic section. */
function makeElf({ bits, machine, type = 3, interpreter, dynamic }: Make): Buffer {
  const wide = bits === 64;
  const headerSize = wide ? 64 : 52;
  const entrySize = wide ? 56 : 32;
  const address = 0x10000;
  const count = 1 + (interpreter === undefined ? 0 : 1) + (dynamic === undefined ? 0 : 1);
  const front = headerSize + entrySize * count;
  const interp = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`);
  let strings = "\0";
  const entries: [number, number][] = (dynamic ?? []).map(([tag, text]) => {
    const at = Buffer.byteLength(strings);
    strings += `${text}\0`;
    return [tag, at];
  });
  const stringsAt = front + interp.length;
  const dynamicAt = stringsAt + Buffer.byteLength(strings);
  const word = (value: number) => {
    const buffer = Buffer.alloc(wide ? 8 : 4);
    if (wide) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeUInt32LE(value);
    return buffer;
  };
  const table = Buffer.concat(
    [...entries, [5, address + stringsAt], [0, 0]].flatMap(([tag = 0, value = 0]) => [word(tag), word(value)]),
  );
  const total = dynamicAt + table.length;
  const segment = (kind: number, at: number, size: number) => {
    const buffer = Buffer.alloc(entrySize);
    buffer.writeUInt32LE(kind, 0);
    word(at).copy(buffer, wide ? 8 : 4);
    word(address + at).copy(buffer, wide ? 16 : 8);
    word(size).copy(buffer, wide ? 32 : 16);
    return buffer;
  };
  const header = Buffer.alloc(headerSize);
  header.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  word(headerSize).copy(header, wide ? 32 : 28);
  header.writeUInt16LE(entrySize, wide ? 54 : 42);
  header.writeUInt16LE(count, wide ? 56 : 44);
  return Buffer.concat([
    header,
    segment(1, 0, total),
    ...(interpreter === undefined ? [] : [segment(3, front, interp.length)]),
    ...(dynamic === undefined ? [] : [segment(2, dynamicAt, table.length)]),
    interp,
    Buffer.from(strings),
    table,
  ]);
}

const program: Make = {
  bits: 64,
  machine: 183,
  interpreter: "/lib/ld-linux-aarch64.so.1",
  dynamic: [
    [1, "libm.so.6"],
    [1, "libc.so.6"],
    [29, "$ORIGIN:/usr/lib/x"],
  ],
};

t.test("programs and libraries of both sizes", async (t) => {
  t.same(readElf(makeElf(program)), {
    machine: 183,
    bits: 64,
    type: 3,
    interpreter: "/lib/ld-linux-aarch64.so.1",
    soname: undefined,
    needed: ["libm.so.6", "libc.so.6"],
    runpath: ["$ORIGIN", "/usr/lib/x"],
  });
  const library: Make = {
    bits: 32,
    machine: 40,
    dynamic: [
      [14, "libä.so.1"],
      [15, "/old"],
      [1, "libc.so.6"],
    ],
  };
  t.same(readElf(makeElf(library)), {
    machine: 40,
    bits: 32,
    type: 3,
    interpreter: undefined,
    soname: "libä.so.1",
    needed: ["libc.so.6"],
    runpath: ["/old"],
  });
  t.same(readElf(makeElf({ bits: 64, machine: 62, type: 2 })), {
    machine: 62,
    bits: 64,
    type: 2,
    interpreter: undefined,
    soname: undefined,
    needed: [],
    runpath: [],
  });
});

t.test("what is no ELF file of ours", async (t) => {
  const bytes = makeElf(program);
  const bigEndian = Buffer.from(bytes);
  bigEndian[5] = 2;
  for (const other of [Buffer.alloc(0), Buffer.from("#!/bin/sh\n".repeat(20)), Buffer.alloc(4096), bigEndian])
    t.equal(readElf(other), undefined);
});

t.test("a file of this machine", { skip: existsSync("/proc/self/exe") ? false : "no /proc" }, async (t) => {
  const elf = readElf(readFileSync("/proc/self/exe"));
  t.ok(elf?.needed.some((name) => name.startsWith("libc.so") || name.startsWith("libc.musl")));
  t.match(basename(elf?.interpreter ?? ""), /^ld-/);
});

t.test("cut at any byte it never throws", async (t) => {
  const bytes = makeElf(program);
  let complete = 0;
  for (let length = 0; length <= bytes.length; length++) {
    const found = readElf(bytes.subarray(0, length));
    if (found?.needed.length === 2) complete++;
  }
  t.ok(complete > 0 && complete < bytes.length);
  t.equal(readElf(bytes.subarray(0, 100)), undefined);
});

t.test("with lying numbers it never throws, and ends", async (t) => {
  const random = randomFrom(3);
  const values = [0, 1, 0x7f, 0xff, 0xffff, 0xffffffff, 2 ** 40, 2 ** 53 - 1, 2 ** 62];
  const outcomes = { read: 0, refused: 0 };
  for (const make of [program, { ...program, bits: 32 as const }]) {
    const bytes = makeElf(make);
    for (let round = 0; round < 20_000; round++) {
      const copy = Buffer.from(bytes);
      for (let change = 0; change <= random() * 3; change++) {
        const at = 6 + Math.floor(random() * (copy.length - 14));
        const value = values[Math.floor(random() * values.length)] ?? 0;
        if (random() < 0.5) copy[at] = value & 0xff;
        else copy.writeBigUInt64LE(BigInt(value), at);
      }
      if (readElf(copy) === undefined) outcomes.refused++;
      else outcomes.read++;
    }
  }
  t.ok(outcomes.read > 1000 && outcomes.refused > 1000, JSON.stringify(outcomes));
});

t.test("a text without end is bounded", async (t) => {
  const bytes = makeElf({ ...program, interpreter: "x".repeat(100_000) });
  t.equal(readElf(bytes)?.interpreter?.length, 4096);
});
