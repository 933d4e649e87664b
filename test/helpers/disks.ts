import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

/** Disks that sgdisk, sfdisk and genimage made: test/fixtures/disks/make.sh. */
export const diskNames = [
  "sgdisk-gpt",
  "sfdisk-gpt",
  "sfdisk-mbr",
  "genimage-raw-mbr",
  "genimage-raw-gpt",
  "genimage-raw-hybrid",
  "genimage-far-gpt",
] as const;

export function fixtureDisk(name: (typeof diskNames)[number]): Buffer {
  return brotliDecompressSync(readFileSync(new URL(`../fixtures/disks/${name}.img.br`, import.meta.url)));
}
