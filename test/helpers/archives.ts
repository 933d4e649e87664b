import { deflateRawSync } from "node:zlib";
import { Header, type HeaderData } from "tar";

export interface TarEntry extends HeaderData {
  readonly path: string;
  readonly content?: string | Buffer;
}

/** A tar archive of any entries, hostile ones too: headers are written as they are given. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ content = "", ...fields }) => {
    const data = Buffer.from(content);
    const block = Buffer.alloc(512);
    new Header({ mode: 0o644, type: "File", mtime: new Date(0), ...fields, size: data.length }).encode(block);
    return [block, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export interface ZipEntry {
  readonly path: string;
  readonly content: string;
  /** st_mode of Unix. */
  readonly mode?: number;
}

/** A zip archive, compressed with deflate. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { path, content, mode = 0o100644 } of entries) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(content);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    // Names are UTF-8.
    shared.writeUInt16LE(0x800, 2);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc(Buffer.from(content)), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(Buffer.byteLength(content), 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), shared, name, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), shared, rest, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** A Debian package with this payload (deb(5)): what dpkg-deb reads of it, nothing else. */
export function debOf(entries: readonly TarEntry[]): Buffer {
  const members: readonly [string, Buffer][] = [
    ["debian-binary", Buffer.from("2.0\n")],
    ["control.tar", tarOf([{ path: "./control", content: "Package: x\n" }])],
    ["data.tar", tarOf(entries)],
  ];
  const parts = members.flatMap(([name, data]) => [
    Buffer.from(
      `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(data.length).padEnd(10)}\`\n`,
    ),
    data,
    Buffer.alloc(data.length % 2, "\n"),
  ]);
  return Buffer.concat([Buffer.from("!<arch>\n"), ...parts]);
}

/** CRC-32 as zip has it. */
function crc(data: Buffer): number {
  let value = 0xffffffff;
  for (const byte of data) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}
