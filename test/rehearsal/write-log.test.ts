import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { readWriteLog, WriteLogError } from "./write-log.js";

/** Of QEMU's own driver: test/fixtures/write-logs/make.sh. */
const fixture = fileURLToPath(new URL("../fixtures/write-logs/qemu.log", import.meta.url));
const real = await readFile(fixture);
const diskSize = 2 ** 20;

async function read(path: string) {
  const file = await open(path, "r");
  try {
    return await readWriteLog(file, diskSize);
  } finally {
    await file.close();
  }
}

async function readBytes(t: Test, bytes: Uint8Array) {
  const path = join(t.testdir(), "log");
  await writeFile(path, bytes);
  return await read(path);
}

t.test("a log of QEMU is read: writes, zeros, flushes, a discard", async (t) => {
  const entries = await read(fixture);
  const flush = { offset: 0, length: 0, flush: true };
  t.match(entries, [
    { offset: 0, length: 512, dataAt: 1024, flush: false, fua: false },
    { offset: 4096, length: 1024, dataAt: 2048 },
    flush,
    flush,
    { offset: 8192, length: 2048 },
    { offset: 512, length: 512 },
    flush,
    { offset: 4096, length: 512, dataAt: undefined },
    { offset: 1048064, length: 512 },
    flush,
    flush,
  ]);
  t.equal(entries.length, 11);
  const bytes = entries.map(({ dataAt = 0, length }) => new Set(real.subarray(dataAt, dataAt + length)));
  t.same(bytes[1], new Set([2]));
  t.same(bytes[4], new Set([0]), "what is written as zeros reads so");
  t.same(bytes[8], new Set([4]));
});

t.test("a log that ends at any byte is refused, or lacks nothing that counts", async (t) => {
  const whole = await read(fixture);
  for (let length = 0; length < real.length; length += 97) {
    const read = await readBytes(t, real.subarray(0, length)).catch((error: unknown) => error);
    if (read instanceof WriteLogError) continue;
    t.same(read, whole, `${length} bytes: the last sector's filling is all that lacks`);
    t.ok(length > real.length - 512);
  }
});

/** Where the first entry stands. */
const first = 512;
const damages: readonly {
  readonly name: string;
  readonly at: number;
  readonly value: bigint;
  readonly says: RegExp;
}[] = [
  { name: "another magic", at: 0, value: 1n, says: /no log of block writes/ },
  { name: "another version", at: 8, value: 2n, says: /version/ },
  { name: "more entries than a boot has", at: 16, value: 2n ** 63n, says: /too many/ },
  { name: "more entries than there are", at: 16, value: 12n, says: /ends/ },
  { name: "a sector of no size", at: 24, value: 0n, says: /sectors of 0/ },
  { name: "a write beyond the disk", at: first, value: 2048n, says: /entry 0 lies beyond/ },
  { name: "a write at a place without number", at: first, value: 2n ** 64n - 1n, says: /entry 0 lies beyond/ },
  { name: "more data than the disk holds", at: first + 8, value: 2n ** 60n, says: /entry 0 lies beyond/ },
  { name: "more data than the log holds", at: first + 8, value: 100n, says: /ends within entry 0/ },
  { name: "a mark", at: first + 16, value: 8n, says: /flags 8/ },
  { name: "an unknown flag", at: first + 16, value: 64n, says: /flags 64/ },
];

for (const { name, at, value, says } of damages) {
  t.test(`refused: ${name}`, async (t) => {
    const bytes = Buffer.from(real);
    bytes.writeBigUInt64LE(value, at);
    await t.rejects(readBytes(t, bytes), { message: says });
  });
}
