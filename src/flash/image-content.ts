/** Bytes that `describeContent` looks at; an ISO's mark lies behind 32 KiB. */
export const contentHead = 36 << 10;

/** How a file begins, or what it has at an offset, by the formats' own specifications. */
const marks: readonly (readonly [at: number, bytes: string, what: string])[] = [
  [0, "\x28\xb5\x2f\xfd", "Zstandard-compressed data"],
  [0, "\xfd7zXZ\0", "xz-compressed data"],
  [0, "\x1f\x8b", "gzip-compressed data"],
  [0, "BZh", "bzip2-compressed data"],
  [0, "\x04\x22\x4d\x18", "LZ4-compressed data"],
  [0, "\x5d\0\0", "LZMA-compressed data"],
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"],
  [0, "Rar!", "a RAR archive"],
  [257, "ustar", "a tar archive"],
  [0, "QFI\xfb", "a QEMU disk (qcow2)"],
  [0, "KDMV", "a VMware disk"],
  [0, "vhdxfile", "a Hyper-V disk"],
  [64, "\x7f\x10\xda\xbe", "a VirtualBox disk"],
  [0, "\x3a\xff\x26\xed", "an Android sparse image"],
  [0, "\x7fELF", "a program (ELF)"],
  [0, "%PDF", "a PDF document"],
  [0, "hsqs", "a Squashfs file system without a partition table"],
  [1024, "\xe2\xe1\xf5\xe0", "an EROFS file system without a partition table"],
  [1080, "\x53\xef", "an ext file system without a partition table"],
  [82, "FAT32", "a FAT file system without a partition table"],
  [54, "FAT1", "a FAT file system without a partition table"],
  [32769, "CD001", "a CD image (ISO 9660) without a partition table"],
];

/** How text begins, in small letters. */
const texts: readonly (readonly [start: string, what: string])[] = [
  ["<!doctype html", "a web page (HTML): the address that it was downloaded from leads to a page, not to the file"],
  ["<html", "a web page (HTML): the address that it was downloaded from leads to a page, not to the file"],
  ["version https://git-lfs", "a Git LFS pointer: `git lfs pull` fetches the file itself"],
  ["{", "JSON"],
];

/** What a file is, by its first bytes, for people; undefined when that is not known. */
export function describeContent(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  for (const [at, mark, what] of marks) if (bytes.startsWith(mark, at)) return what;
  if (head.length === 0) return "empty";
  const text = readableText(bytes);
  if (text === undefined) return head.every((byte) => byte === 0) ? "nothing but zeros as far as was read" : undefined;
  const start = text.trimStart().toLowerCase();
  for (const [begin, what] of texts) if (start.startsWith(begin)) return what;
  if (start.startsWith("<")) return start.includes("<bmap") ? "a block map (.bmap), not the image" : "XML";
  return "text";
}

/** UTF-8 or ASCII without control characters, or UTF-16 by its byte order mark; the first kilobytes tell. */
function readableText(bytes: string): string | undefined {
  const start = bytes.slice(0, 4096);
  if (start.startsWith("\xff\xfe") || start.startsWith("\xfe\xff")) return start.replaceAll("\0", "").slice(2);
  const plain = start.startsWith("\xef\xbb\xbf") ? start.slice(3) : start;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text has none of them
  return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(plain) ? undefined : plain;
}
