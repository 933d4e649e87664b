import t from "tap";
import { crc32 } from "../../src/formats/crc32.js";
import { type PartitionTable, readPartitions } from "../../src/formats/partitions.js";
import { diskNames, fixtureDisk } from "../helpers/disks.js";

const mib = 2 ** 20;

async function tableOf(disk: Buffer, copy: "check" | "skip" = "check"): Promise<PartitionTable | undefined> {
  let last = 0;
  const read = async (at: number, length: number) => {
    if (length > 4 * mib) throw new Error(`${length} bytes are read at once`);
    if (copy === "skip" && at < last) throw new Error("read backwards");
    last = at;
    return disk.subarray(at, at + length);
  };
  return await readPartitions(read, { size: disk.length, copy });
}

t.test("CRC-32 of the check value", async (t) => {
  t.equal(crc32(Buffer.from("123456789")), 0xcbf43926);
});

t.test("what sgdisk, sfdisk and genimage make is read", async (t) => {
  const places = (table: PartitionTable | undefined) =>
    table?.partitions.map(({ number, type, offset, size }) => [number, type, offset / mib, size / mib]);
  const sgdisk = await tableOf(fixtureDisk("sgdisk-gpt"));
  t.match(sgdisk, { kind: "gpt", id: "11111111-2222-3333-4444-555555555555" });
  t.strictSame(places(sgdisk), [
    [1, "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", 4, 4],
    [3, "0FC63DAF-8483-4772-8E79-3D69D8477DE4", 10, 2],
  ]);
  t.strictSame(sgdisk?.places, [
    { at: 0, length: 1024 },
    { at: 1024, length: 16384 },
    { at: 20 * mib - 512 - 16384, length: 16384 },
    { at: 20 * mib - 512, length: 512 },
  ]);
  const sfdisk = await tableOf(fixtureDisk("sfdisk-gpt"));
  t.match(sfdisk, { kind: "gpt", id: "01234567-89AB-CDEF-0123-456789ABCDEF" });
  t.equal(sfdisk?.places[1]?.length, 256 * 128, "256 entries");
  t.match(places(sfdisk), [
    [1, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 4, 4],
    [2, "0FC63DAF-8483-4772-8E79-3D69D8477DE4", 8],
  ]);
  const mbr = await tableOf(fixtureDisk("sfdisk-mbr"));
  t.match(mbr, { kind: "mbr", id: "edce0001", places: [{ at: 0, length: 512 }] });
  t.strictSame(places(mbr), [
    [1, "0x0c", 4, 4],
    [2, "0x83", 8, 2],
    [3, "0x05", 10, 14],
  ]);
  for (const name of ["genimage-raw-mbr", "genimage-raw-gpt", "genimage-raw-hybrid", "genimage-far-gpt"] as const) {
    const table = await tableOf(fixtureDisk(name));
    t.equal(table?.kind, name === "genimage-raw-mbr" ? "mbr" : "gpt", name);
    t.strictSame(
      places(table)?.map(([number, , offset]) => [number, offset]),
      [
        [1, 4],
        [2, 8],
        [3, 10],
      ],
      name,
    );
  }
  t.equal(
    (await tableOf(fixtureDisk("genimage-far-gpt")))?.places[1]?.at,
    3 * mib,
    "where gpt-location puts the entries",
  );
});

t.test("from a decompressor a table is read from front to back, without its copy", async (t) => {
  for (const name of diskNames)
    t.strictSame(
      (await tableOf(fixtureDisk(name), "skip"))?.partitions,
      (await tableOf(fixtureDisk(name)))?.partitions,
      name,
    );
});

t.test("every changed byte of a GPT and of its copy is noticed", async (t) => {
  const disk = fixtureDisk("sgdisk-gpt");
  const { length } = disk;
  for (const at of [
    ...[
      512,
      512 + 8,
      512 + 16,
      512 + 24,
      512 + 40,
      512 + 56,
      512 + 72,
      512 + 80,
      512 + 88,
      1024,
      1024 + 40,
      1024 + 128,
    ],
    ...[length - 512, length - 512 + 16, length - 512 + 56, length - 512 - 16384, length - 513],
  ]) {
    const damaged = Buffer.from(disk);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await t.rejects(tableOf(damaged), { name: "PartitionError" }, `byte ${at}`);
  }
});

t.test("a copy of another table is noticed", async (t) => {
  const disk = fixtureDisk("sgdisk-gpt");
  const other = Buffer.from(disk);
  // Another disk GUID, with a right checksum.
  other[other.length - 512 + 56] = 0x77;
  other.writeUInt32LE(0, other.length - 512 + 16);
  other.writeUInt32LE(crc32(other.subarray(other.length - 512, other.length - 512 + 92)), other.length - 512 + 16);
  await t.rejects(tableOf(other), { message: /copy at the end is that of another table/ });
});

t.test("a GPT disk that was cut off is noticed", async (t) => {
  for (const name of diskNames.filter((one) => !one.endsWith("mbr"))) {
    const disk = fixtureDisk(name);
    await t.rejects(tableOf(disk.subarray(0, disk.length - 512)), { message: /cut off/ }, name);
  }
});

t.test("partitions that overlap are refused", async (t) => {
  const disk = fixtureDisk("sfdisk-mbr");
  disk.writeUInt32LE((9 * mib) / 512, 446 + 12);
  await t.rejects(tableOf(disk), { message: "the partitions 1 and 2 overlap" });
});

t.test("what has no table", async (t) => {
  t.equal(await tableOf(Buffer.alloc(0)), undefined);
  t.equal(await tableOf(Buffer.from("<!DOCTYPE html>")), undefined);
  t.equal(await tableOf(Buffer.alloc(mib)), undefined);
  const empty = Buffer.alloc(mib);
  empty.writeUInt16LE(0xaa55, 510);
  t.equal(await tableOf(empty), undefined, "a table without a partition");
  const fat = fixtureDisk("genimage-raw-mbr").subarray(4 * mib, 8 * mib);
  t.equal(fat.readUInt16LE(510), 0xaa55);
  t.equal(await tableOf(fat), undefined, "a FAT boot sector ends like an MBR");
});

t.test("a header that promises huge entries costs no memory", async (t) => {
  const disk = fixtureDisk("sgdisk-gpt");
  disk.writeUInt32LE(0xffffffff, 512 + 80);
  disk.writeUInt32LE(0, 512 + 16);
  disk.writeUInt32LE(crc32(disk.subarray(512, 512 + 92)), 512 + 16);
  await t.rejects(tableOf(disk), { message: /4294967295 entries/ });
});
