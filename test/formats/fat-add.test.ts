import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import t from "tap";
import { FatError, readFat } from "../../src/formats/fat.js";
import { planFatFile } from "../../src/formats/fat-add.js";

function fixture(bits: number): Uint8Array {
  return Uint8Array.from(
    brotliDecompressSync(readFileSync(new URL(`../fixtures/fat/fat${bits}.img.br`, import.meta.url))),
  );
}

async function add(bytes: Uint8Array, name: string, content: Uint8Array): Promise<void> {
  const patches = await planFatFile(async (at, length) => bytes.slice(at, at + length), { name, content });
  for (const { at, bytes: part } of patches) bytes.set(part, at);
}

/** Each copy of the table, by the boot sector. */
function tables(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = (view.getUint16(22, true) || view.getUint32(36, true)) * view.getUint16(11, true);
  const from = view.getUint16(14, true) * view.getUint16(11, true);
  return Array.from({ length: view.getUint8(16) }, (_, copy) =>
    bytes.subarray(from + copy * size, from + (copy + 1) * size),
  );
}

for (const bits of [12, 16, 32]) {
  t.test(`a file is added to FAT${bits}`, async (t) => {
    const bytes = fixture(bits);
    const before = readFat(Uint8Array.from(bytes)).map(({ path, read }) => [path, Buffer.from(read()).toString("hex")]);
    const large = Uint8Array.from({ length: 3001 }, (_, index) => index % 251);
    await add(bytes, "EDGEIMG.TXT", Buffer.from("hostname=x\n"));
    await add(bytes, "LARGE.BIN", large);
    await add(bytes, "NOTHING", new Uint8Array());
    const after = readFat(bytes);
    const read = (path: string) => Buffer.from(after.find((file) => file.path === path)?.read() ?? [0]);
    t.equal(read("edgeimg.txt").toString(), "hostname=x\n");
    t.ok(read("large.bin").equals(large));
    t.equal(read("nothing").length, 0);
    for (const [path = "", content] of before) if (path !== "empty") t.equal(read(path).toString("hex"), content, path);
    const [first, ...copies] = tables(bytes);
    for (const copy of copies) t.equal(Buffer.compare(copy, first ?? copy), 0, "both tables are the same");
    await t.rejects(add(bytes, "EDGEIMG.TXT", large), { message: "the root folder has a file of that name" });
    await t.rejects(add(bytes, "HUGE.BIN", new Uint8Array(bytes.length)), { message: "the FAT file system is full" });
  });
}

t.test("the root folder of FAT12 and FAT16 has a limit", async (t) => {
  const bytes = fixture(16);
  let added = 0;
  try {
    for (; added < 1000; added++) await add(bytes, `F${added}.TXT`, new Uint8Array());
  } catch (error) {
    t.match(error, { name: "FatError", message: "the root folder is full" });
  }
  t.ok(added > 10 && added < 1000, `${added} files`);
});

t.test("changed bytes give patches within the file system or a FatError", async (t) => {
  const whole = fixture(12);
  for (let at = 0; at < 4096; at += 3) {
    const bytes = Uint8Array.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    const read = async (from: number, length: number) => {
      if (from + length > bytes.length) throw new FatError("cut off");
      return bytes.slice(from, from + length);
    };
    try {
      await planFatFile(read, { name: "A.TXT", content: new Uint8Array(3000) });
    } catch (error) {
      if (!(error instanceof FatError)) throw error;
    }
  }
  t.pass();
});
