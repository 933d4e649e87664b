import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { parseMessage } from "../../src/builders/buildroot/messages.js";
import { printable, wrap } from "../../src/cli/render/words.js";
import { lineSplitter, parseConsoleLine } from "../../src/device/console.js";
import { nearest } from "../../src/errors/nearest.js";
import { describeContent } from "../../src/flash/image-content.js";
import { parseDrives } from "../../src/flash/parse-drives.js";
import { parseBmap } from "../../src/formats/bmap.js";
import { parseDeb822 } from "../../src/formats/deb822.js";
import { readElf } from "../../src/formats/elf.js";
import { readFat } from "../../src/formats/fat.js";
import { parseFdt } from "../../src/formats/fdt.js";
import { globMatcher } from "../../src/formats/glob.js";
import { readNpy } from "../../src/formats/npy.js";
import { readPartitions } from "../../src/formats/partitions.js";
import { parseSshPublicKeys } from "../../src/formats/ssh-public-key.js";
import { usedExtent } from "../../src/formats/used-extent.js";
import { xmlText } from "../../src/formats/xml-text.js";
import { parseYaml } from "../../src/formats/yaml.js";
import { parseLock } from "../../src/lock/lock-file.js";
import { unknownOperator } from "../../src/model/reference.js";

/** Feeds each parser of outside input 1 MB of what is its worst, and prints its name when it is through. */
const size = 2 ** 20;
const fill = (text: string, length = size) => text.repeat(Math.ceil(length / text.length)).slice(0, length);

/** Repeated, each on its own and behind a beginning that leads a parser on. */
const pieces = [
  "<!--",
  " ",
  "\t",
  "\n",
  "<",
  ">",
  "<Range ",
  "</Range>",
  "a",
  "(",
  ")",
  "[",
  "{",
  '{"',
  '"',
  "'",
  "\\",
  "-",
  "/",
  "=",
  ":",
  ",",
  ";",
  "#",
  "&",
  "%",
  "0",
  "1",
  "\u001b[",
  "\u001b[0;",
  "\u0000",
  "\ufeff",
  "AAAA",
  "a: ",
  "- ",
  "? ",
  "| ",
  "a:\n ",
  "é",
  "x(1",
  "(1,",
];
const starts = [
  "",
  '<bmap version="2.0">',
  "<ImageSize>",
  "ssh-rsa ",
  "ssh-ed25519 AAAA",
  "\u001b[",
  '{"edgeimg":',
  "a: ",
  "License: ",
  ">>> a ",
  "format: 1\n",
  "No Op registered for ",
  // A .npy file of version 1 with the longest header.
  "\u0093NUMPY\u0001\u0000\u00ff\u00ff{'descr': ",
];

const bytes = (text: string) => Buffer.from(text);
/** Bundled, this lies elsewhere: the test names the disk. */
const disk = brotliDecompressSync(readFileSync(process.argv[2] ?? ""));

/** FAT folders that hold themselves, each many times. */
function endlessFat(): Buffer {
  const fat = Buffer.from(disk.subarray(4 * size, 8 * size));
  const cluster = fat.readUInt8(13) * 512;
  const dataAt = (fat.readUInt16LE(14) + fat.readUInt8(16) * fat.readUInt16LE(22)) * 512 + fat.readUInt16LE(17) * 32;
  const rootAt = dataAt - fat.readUInt16LE(17) * 32;
  const entry = (at: number, index: number) => {
    fat.write(`D${index}`.padEnd(11), at, "latin1");
    fat[at + 11] = 0x10;
    fat.writeUInt16LE(2, at + 26);
  };
  entry(rootAt, 0);
  for (let index = 0; index < cluster / 32; index++) entry(dataAt + index * 32, index);
  return fat;
}

const texts: Readonly<Record<string, (text: string) => unknown>> = {
  bmap: parseBmap,
  "ssh keys": (text) => parseSshPublicKeys(bytes(text)),
  yaml: (text) => parseYaml(text, "x.yaml"),
  lock: (text) => parseLock(text, "edgeimg.lock"),
  deb822: parseDeb822,
  "console line": (text) => parseConsoleLine(text, 0),
  "console bytes": (text) => {
    const splitter = lineSplitter();
    const all = bytes(text);
    // As a slow serial port gives them.
    for (let at = 0; at < all.length; at += 7) splitter.push(all.subarray(at, at + 7));
    return splitter.end();
  },
  "Buildroot's message": parseMessage,
  "onnxruntime's message": unknownOperator,
  "a name that was meant": (text) => nearest(text, ["board", "engine"]),
  "a pattern of paths": (text) => {
    const path = text.slice(0, text.length / 16);
    globMatcher([path])("usr/lib/a");
    // Both long: every star of the pattern may take any part of the path.
    return [1, 2].map((stars) => globMatcher([`${"*".repeat(stars)}a`.repeat(200)])(path));
  },
  "terminal text": printable,
  "wrapped text": (text) => wrap(text, "  "),
  "XML text": xmlText,
  content: (text) => describeContent(bytes(text)),
  ELF: (text) => readElf(bytes(text)),
  FDT: (text) => parseFdt(bytes(text)),
  FAT: (text) => readFat(bytes(text)),
  npy: (text) => readNpy(Buffer.from(text, "latin1")),
};
/** How many of the inputs that a parser took longest for, when they were short, are fed to it at full size. */
const worst = 16;
for (const [name, parse] of Object.entries(texts)) {
  const attempt = (text: string) => {
    try {
      parse(text);
    } catch {
      // Refused is well.
    }
  };
  // Most starts lead nowhere: what takes the square of its length shows in 32 kB as well, and is looked for among all.
  const took = starts
    .flatMap((start) => pieces.map((piece) => (length: number) => (start + fill(piece, length)).slice(0, length)))
    .map((input) => {
      const text = input(size / 32);
      const from = performance.now();
      attempt(text);
      return { input, ms: performance.now() - from };
    });
  took.sort((one, other) => other.ms - one.ms);
  for (const { input } of took.slice(0, worst)) attempt(input(size));
  console.log(`done ${name}`);
}
const drives = (text: string) =>
  parseDrives({ lsblk: '{"blockdevices": []}', mountinfo: text, swaps: text, folders: ["/"], sysfs: async () => "" });
for (const piece of pieces) await drives(fill(piece)).catch(() => {});
console.log("done mounts");
try {
  readFat(endlessFat());
} catch {
  console.log("done FAT folders without an end");
}
for (const piece of pieces) {
  const noise = bytes(fill(piece));
  noise.writeUInt16LE(0xaa55, 510);
  const read = async (at: number, length: number) => noise.subarray(at, at + length);
  await readPartitions(read, { size: noise.length, copy: "check" }).catch(() => {});
  await usedExtent(read, noise.length).catch(() => {});
}
console.log("done partitions");
console.log("all done");
