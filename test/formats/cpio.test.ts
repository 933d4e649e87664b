import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type CpioEntry, writeCpio } from "../../src/formats/cpio.js";

const entries: readonly CpioEntry[] = [
  { type: "file", path: "init", mode: 0o755, data: new TextEncoder().encode("#!/bin/sh\n") },
  { type: "directory", path: "bin", mode: 0o755 },
  { type: "symlink", path: "bin/sh", target: "busybox" },
  { type: "directory", path: "dev", mode: 0o755 },
  { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
  { type: "file", path: "bin/busybox", mode: 0o755, data: Uint8Array.from({ length: 3 }, () => 7) },
];

/** A reader of its own for the newc form, written from the format's description. */
function readCpio(
  bytes: Uint8Array,
): { path: string; mode: number; links: number; rdev: string; inode: number; body: string; rest: string }[] {
  const text = Buffer.from(bytes).toString("latin1");
  const found = [];
  for (let at = 0; ; ) {
    t.equal(text.slice(at, at + 6), "070701");
    const field = (index: number) => Number.parseInt(text.slice(at + 6 + index * 8, at + 14 + index * 8), 16);
    const path = text.slice(at + 110, at + 110 + field(11) - 1);
    t.equal(text[at + 110 + field(11) - 1], "\0");
    const bodyAt = Math.ceil((at + 110 + field(11)) / 4) * 4;
    if (path === "TRAILER!!!") {
      t.match(text.slice(bodyAt), /^\0*$/);
      return found;
    }
    found.push({
      path,
      mode: field(1),
      links: field(4),
      rdev: `${field(9)}:${field(10)}`,
      inode: field(0),
      body: text.slice(bodyAt, bodyAt + field(6)),
      // uid, gid, mtime, device
      rest: [2, 3, 5, 7, 8].map(field).join(),
    });
    at = Math.ceil((bodyAt + field(6)) / 4) * 4;
  }
}

t.test("an archive holds its entries sorted, owned by root, without times", async (t) => {
  const bytes = writeCpio(entries);
  t.equal(bytes.length % 512, 0);
  t.same(
    readCpio(bytes).map(({ path, mode, links, rdev, inode, body, rest }) => [
      path,
      mode.toString(8),
      links,
      rdev,
      inode,
      body,
      rest,
    ]),
    [
      ["bin", "40755", 2, "0:0", 1, "", "0,0,0,0,0"],
      ["bin/busybox", "100755", 1, "0:0", 2, "\x07\x07\x07", "0,0,0,0,0"],
      ["bin/sh", "120777", 1, "0:0", 3, "busybox", "0,0,0,0,0"],
      ["dev", "40755", 2, "0:0", 4, "", "0,0,0,0,0"],
      ["dev/console", "20600", 1, "5:1", 5, "", "0,0,0,0,0"],
      ["init", "100755", 1, "0:0", 6, "#!/bin/sh\n", "0,0,0,0,0"],
    ],
  );
});

t.test("the order of the entries does not matter", async (t) => {
  t.same(writeCpio([...entries].reverse()), writeCpio(entries));
});

t.test("a caller's mistakes are refused", async (t) => {
  const file = (path: string): CpioEntry => ({ type: "file", path, mode: 0o644, data: new Uint8Array() });
  for (const path of ["", "/etc", "a/../b", "./a", "a//b", "a\0b"])
    t.throws(() => writeCpio([file(path)]), /bad path/, path);
  t.throws(() => writeCpio([file("a"), file("a")]), /occurs twice/);
  t.throws(() => writeCpio([file("a/b")]), /folder of a\/b is missing/);
});

/** Other readers are used where the machine has one. */
for (const [program, args] of [
  ["cpio", ["-id", "--quiet"]],
  ["bsdtar", ["-xf", "-"]],
  ["busybox", ["cpio", "-id"]],
] as const) {
  t.test(`${program} reads it`, { skip: runs(program) ? false : `no ${program} here` }, async (t) => {
    const folder = t.testdir();
    const plain = entries.filter(({ type }) => type !== "character");
    execFileSync(program, [...args], { cwd: folder, input: writeCpio(plain), stdio: ["pipe", "ignore", "ignore"] });
    t.equal(readFileSync(join(folder, "init"), "utf8"), "#!/bin/sh\n");
    t.equal(readlinkSync(join(folder, "bin/sh")), "busybox");
    t.equal(lstatSync(join(folder, "bin/busybox")).mode & 0o777, 0o755);
  });
}

function runs(program: string): boolean {
  try {
    execFileSync(program, ["--help"], { stdio: "ignore" });
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
}
