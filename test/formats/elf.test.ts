import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import t from "tap";
import { readElf } from "../../src/formats/elf.js";
import { type ElfParts, makeElf } from "../helpers/elf.js";
import { randomFrom } from "../helpers/random.js";

const program: ElfParts = {
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
  const library: ElfParts = {
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
