import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type ArchiveEntry, writeTar } from "../../src/formats/tar-writer.js";

const long = `deep/${"folder/".repeat(30)}`;
const entries: readonly ArchiveEntry[] = [
  { type: "directory", path: "bin", mode: 0o755 },
  { type: "file", path: "bin/program", mode: 0o4755, data: Buffer.from("#!/bin/sh\n") },
  { type: "file", path: "empty", mode: 0o600, data: Buffer.alloc(0) },
  { type: "file", path: "block", mode: 0o644, data: Buffer.alloc(512, 1) },
  { type: "file", path: "larger", mode: 0o644, data: Buffer.alloc(513, 2) },
  { type: "symlink", path: "link", target: "bin/program" },
  { type: "directory", path: "tmp", mode: 0o1777 },
  { type: "file", path: `${"n".repeat(99)}/${"m".repeat(99)}`, mode: 0o644, data: Buffer.from("ustar prefix") },
  { type: "file", path: `${long}file`, mode: 0o644, data: Buffer.from("pax path") },
  { type: "symlink", path: `${long}link`, target: `/${"t".repeat(200)}` },
  { type: "file", path: "ü/ä ö", mode: 0o644, data: Buffer.from("utf-8") },
];

/** A reader of its own, from POSIX: ustar headers and pax records of path and linkpath. */
function readTar(bytes: Buffer) {
  const found = [];
  let pax: Record<string, string> = {};
  for (let at = 0; ; ) {
    const block = bytes.subarray(at, at + 512);
    if (block.every((byte) => byte === 0)) return { found, rest: bytes.subarray(at) };
    const text = (start: number, length: number) => block.toString("utf8", start, start + length).replace(/\0.*$/s, "");
    const octal = (start: number, length: number) => Number.parseInt(text(start, length).trim() || "0", 8);
    const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
    t.equal(octal(148, 8), sum, "checksum");
    const size = octal(124, 12);
    const data = bytes.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
    if (text(156, 1) === "x") {
      pax = Object.fromEntries(
        [...data.toString("utf8").matchAll(/\d+ ([^=]+)=(.*)\n/g)].map(([, key = "", value = ""]) => [key, value]),
      );
      continue;
    }
    const prefix = text(345, 155);
    found.push({
      path: pax.path ?? (prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`),
      type: text(156, 1),
      mode: octal(100, 8),
      link: pax.linkpath ?? text(157, 100),
      data,
      rest: [octal(108, 8), octal(116, 8), octal(136, 12), text(265, 32), text(297, 32)].join(),
    });
    pax = {};
  }
}

const archive = Buffer.concat([...writeTar(entries, 946_684_800)]);

t.test("entries in their order, owned by root, of one time", async (t) => {
  const { found, rest } = readTar(archive);
  t.same(
    found.map(({ path, type, mode, link, data }) => ({ path, type, mode, link, data: data.toString("latin1") })),
    entries.map((entry) => ({
      path: entry.type === "directory" ? `${entry.path}/` : entry.path,
      type: entry.type === "file" ? "0" : entry.type === "directory" ? "5" : "2",
      mode: entry.type === "symlink" ? 0o777 : entry.mode,
      link: entry.type === "symlink" ? entry.target : "",
      data: entry.type === "file" ? entry.data.toString("latin1") : "",
    })),
  );
  t.same([...new Set(found.map((one) => one.rest))], ["0,0,946684800,,"], "uid, gid, time, names");
  t.equal(rest.length, 1024);
});

t.test("the same entries give the same bytes; none give an empty archive", async (t) => {
  t.same(Buffer.concat([...writeTar([...entries], 946_684_800)]), archive);
  t.same(Buffer.concat([...writeTar([], 0)]), Buffer.alloc(1024));
  t.equal(archive.length % 512, 0);
});

t.test("tar reads it", async (t) => {
  const folder = t.testdir();
  execFileSync("tar", ["-xf", "-", "--no-same-owner", "-p"], { cwd: folder, input: archive });
  for (const entry of entries) {
    const path = join(folder, entry.path);
    if (entry.type === "symlink") t.equal(readlinkSync(path), entry.target);
    else t.equal(lstatSync(path).mode & 0o777, entry.mode & 0o777, entry.path);
    if (entry.type === "file") t.same(readFileSync(path), entry.data);
    t.equal(entry.type === "symlink" || lstatSync(path).mtimeMs === 946_684_800_000, true);
  }
});
