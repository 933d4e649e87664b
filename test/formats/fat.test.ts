import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import t from "tap";
import { FatError, readFat } from "../../src/formats/fat.js";

/** Made with mkdosfs and mtools: long and short names, folders of several clusters, a deleted file, an empty one. */
function fixture(bits: number): Uint8Array {
  return brotliDecompressSync(readFileSync(new URL(`../fixtures/fat/fat${bits}.img.br`, import.meta.url)));
}

const kernel = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7 + Math.floor(index / 256)) % 256);

for (const bits of [12, 16, 32]) {
  t.test(`FAT${bits}`, async (t) => {
    const files = readFat(fixture(bits));
    const text = (path: string) => Buffer.from(files.find((file) => file.path === path)?.read() ?? []).toString();
    t.same(
      files.map(({ path }) => path).filter((path) => !path.startsWith("overlays/file-")),
      [
        "README.TXT",
        "a quite long name of a file.txt",
        "cmdline.txt",
        "empty",
        "initramfs.gz",
        "kernel8.img",
        "overlays/inner/deep.txt",
      ],
    );
    t.equal(files.filter(({ path }) => /^overlays\/file-number-\d+\.txt$/.test(path)).length, 40);
    t.equal(text("a quite long name of a file.txt"), "long\n");
    t.equal(text("overlays/inner/deep.txt"), "deep\n");
    t.equal(text("overlays/file-number-40.txt"), "short\n");
    t.equal(text("empty"), "");
    t.same(files.find(({ path }) => path === "kernel8.img")?.read(), kernel);
  });
}

t.test("damaged file systems are refused", async (t) => {
  t.throws(() => readFat(new Uint8Array(100)), FatError);
  t.throws(() => readFat(new Uint8Array(1024)), FatError);
  const whole = fixture(12);
  t.throws(() => readFat(whole.subarray(0, 4096)), { name: "FatError", message: "the FAT file system is cut off" });
  const endless = Uint8Array.from(whole);
  // The first FAT follows one reserved sector: all clusters lead to cluster 2.
  for (let at = 512; at < 1024; at += 3) endless.set([0x02, 0x20, 0x00], at);
  t.throws(() => readFat(endless).map((file) => file.read()), FatError);
});

t.test("a folder that holds itself many times is refused, not walked without end", async (t) => {
  const whole = fixture(16);
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const sector = view.getUint16(11, true);
  const rootAt = (view.getUint16(14, true) + view.getUint8(16) * view.getUint16(22, true)) * sector;
  const entry = Buffer.from(whole.subarray(rootAt, rootAt + view.getUint16(17, true) * 32));
  const at = rootAt + entry.indexOf("OVERLAYS");
  const dataAt = rootAt + view.getUint16(17, true) * 32;
  const folderAt = dataAt + (view.getUint16(at + 26, true) - 2) * view.getUint8(13) * sector;
  for (let copy = 2; copy < 8; copy++) {
    whole.copyWithin(folderAt + copy * 32, at, at + 32);
    whole[folderAt + copy * 32] = 0x41 + copy;
  }
  t.throws(() => readFat(whole), { name: "FatError", message: /stands in two places/ });
});

t.test("changed bytes give files or a FatError, never anything else", async (t) => {
  const whole = fixture(12);
  for (let at = 0; at < 8192; at += 5) {
    const bytes = Uint8Array.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    try {
      for (const file of readFat(bytes)) file.read();
    } catch (error) {
      if (!(error instanceof FatError)) throw error;
    }
  }
  t.pass();
});
