import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import {
  commitTree,
  findDamage,
  hasTree,
  openStore,
  readAction,
  readTree,
  removeDamaged,
  removeTree,
  type Store,
  treePath,
  writeAction,
} from "../../src/store/store.js";
import { bundleChild, startChild } from "../helpers/child.js";

const action = "a".repeat(64);

async function committed(t: Test): Promise<{ store: Store; digest: string; path: (name: string) => string }> {
  const store = await openStore(t.testdir());
  const folder = join(store.root, "work/one");
  mkdirSync(join(folder, "sub/empty"), { recursive: true });
  writeFileSync(join(folder, "sub/text"), "some text");
  writeFileSync(join(folder, "program"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("sub/text", join(folder, "link"));
  const { digest, existed } = await commitTree(store, folder);
  t.equal(existed, false);
  t.equal(existsSync(folder), false, "the folder was moved");
  return { store, digest, path: (name) => join(treePath(store, digest), name) };
}

/** Changes a read-only file's content, keeping its times and mode. */
function overwrite(path: string, change: (bytes: Buffer) => Buffer): void {
  const { atime, mtime, mode } = statSync(path);
  const bytes = readFileSync(path);
  chmodSync(path, 0o644);
  writeFileSync(path, change(bytes));
  chmodSync(path, mode);
  utimesSync(path, atime, mtime);
}

function replace(path: string, make: (path: string) => void): void {
  rmSync(path);
  make(path);
}

const flip = (bytes: Buffer) => {
  bytes.writeUInt8((bytes[3] ?? 0) ^ 1, 3);
  return bytes;
};

t.test("a tree comes back as it was committed", async (t) => {
  const { store, digest } = await committed(t);
  t.equal(await hasTree(store, digest), true);
  const { bytes, entries } = await readTree(store, digest);
  t.equal(bytes, 19);
  t.same(
    entries.map(({ type, path }) => `${type} ${path}`),
    ["l link", "x program", "d sub", "d sub/empty", "f sub/text"],
  );
  for (const full of [false, true]) t.equal(await findDamage(store, digest, { full }), undefined);
  t.same(readdirSync(join(store.root, "tmp")), [], "no drafts are left");
});

t.test("committing the same again keeps the first", async (t) => {
  const { store, digest, path } = await committed(t);
  const inode = statSync(path("program")).ino;
  const again = join(store.root, "work/two");
  mkdirSync(join(again, "sub/empty"), { recursive: true });
  writeFileSync(join(again, "sub/text"), "some text");
  writeFileSync(join(again, "program"), "#!/bin/sh\n", { mode: 0o700 });
  symlinkSync("sub/text", join(again, "link"));
  t.same(await commitTree(store, again), { digest, existed: true });
  t.equal(statSync(path("program")).ino, inode);
  t.equal(existsSync(again), false);
});

t.test("damage is found", async (t) => {
  const kinds: Readonly<Record<string, [string, (path: (name: string) => string) => void]>> = {
    "a flipped byte, times and size kept": ["sub/text", (path) => overwrite(path("sub/text"), flip)],
    "a shorter file": ["sub/text", (path) => overwrite(path("sub/text"), (bytes) => bytes.subarray(1))],
    "an empty file, as after a power loss": ["program", (path) => overwrite(path("program"), () => Buffer.alloc(0))],
    "a missing file": ["program", (path) => rmSync(path("program"))],
    "a missing link": ["link", (path) => rmSync(path("link"))],
    "a link to elsewhere": ["link", (path) => replace(path("link"), (place) => symlinkSync("/etc/passwd", place))],
    "a file in the place of a link": [
      "link",
      (path) => replace(path("link"), (place) => writeFileSync(place, "sub/text")),
    ],
    "a link in the place of a file": [
      "sub/text",
      (path) => replace(path("sub/text"), (place) => symlinkSync("../program", place)),
    ],
    "a missing empty folder": ["sub/empty", (path) => rmSync(path("sub/empty"), { recursive: true })],
    "a program that may not be run": ["program", (path) => chmodSync(path("program"), 0o444)],
    "a text that may be run": ["sub/text", (path) => chmodSync(path("sub/text"), 0o555)],
  };
  for (const [name, [where, damage]] of Object.entries(kinds)) {
    await t.test(name, async (t) => {
      const { store, digest, path } = await committed(t);
      damage(path);
      t.equal(await findDamage(store, digest, { full: false }), where);
      t.equal(await findDamage(store, digest, { full: true }), where);
    });
  }
});

t.test("a tree is removed for damage only as long as it is damaged", async (t) => {
  const { store, digest, path } = await committed(t);
  t.equal(await removeDamaged(store, digest, { full: true }), undefined);
  t.equal(await hasTree(store, digest), true);
  replace(path("sub/text"), (place) => writeFileSync(place, "other"));
  const both = [1, 2].map(() => removeDamaged(store, digest, { full: false }));
  t.same(await Promise.all(both), ["sub/text", undefined]);
  t.equal(await hasTree(store, digest), false);
});

t.test("a full check finds what does not belong there", async (t) => {
  const { store, digest, path } = await committed(t);
  writeFileSync(path("sub/stranger"), "");
  t.equal(await findDamage(store, digest, { full: true }), "sub/stranger");
});

t.test("touched files and restored copies are accepted when their bytes are right", async (t) => {
  const { store, digest, path } = await committed(t);
  utimesSync(path("sub/text"), 5, 5);
  const bytes = readFileSync(path("program"));
  rmSync(path("program"));
  writeFileSync(path("program"), bytes, { mode: 0o555 });
  t.equal(await findDamage(store, digest, { full: false }), undefined);
});

t.test("a damaged listing is damage, whatever it holds", async (t) => {
  const { store, digest } = await committed(t);
  const listing = `${treePath(store, digest)}.json`;
  const text = readFileSync(listing, "utf8");
  const changed = [
    "",
    text.slice(0, 40),
    "\0".repeat(text.length),
    "null",
    "{}",
    "[]",
    '{"entries":7}',
    text.replace('"link"', '"kink"'),
  ];
  for (const one of changed) {
    writeFileSync(listing, one);
    t.equal(await findDamage(store, digest, { full: false }), "(listing)", JSON.stringify(one.slice(0, 20)));
  }
  rmSync(listing);
  t.equal(await hasTree(store, digest), false);
  t.equal(await findDamage(store, digest, { full: true }), "(listing)");
});

t.test("a commit that was killed between its two renames is made good by the next", async (t) => {
  const { store, digest, path } = await committed(t);
  rmSync(`${treePath(store, digest)}.json`);
  overwrite(path("program"), flip);
  const folder = join(store.root, "work/again");
  mkdirSync(join(folder, "sub/empty"), { recursive: true });
  writeFileSync(join(folder, "sub/text"), "some text");
  writeFileSync(join(folder, "program"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("sub/text", join(folder, "link"));
  t.same(await commitTree(store, folder), { digest, existed: false });
  t.equal(await findDamage(store, digest, { full: true }), undefined);
});

t.test("two processes that commit the same trees both succeed, and each tree is new to one of them", async (t) => {
  const root = t.testdir({ cache: {} });
  const script = await bundleChild(new URL("commit-tree.ts", import.meta.url), root);
  const children = ["a", "b"].map((name) => startChild(script, [join(root, "cache"), name, "25"]));
  t.same(await Promise.all(children.map(({ ended }) => ended)), [0, 0]);
  const store = await openStore(join(root, "cache"));
  const [a = [], b = []] = children.map(({ lines }) => lines.map((line) => line.split(" ")));
  t.equal(a.length, 25);
  for (const [index, [, digest = "", existed]] of a.entries()) {
    const [, other, otherExisted] = b[index] ?? [];
    t.equal(other, digest);
    t.not(existed, otherExisted, "one found it, the other made it");
    t.equal(await findDamage(store, digest, { full: true }), undefined);
  }
  t.same(readdirSync(join(store.root, "work")), []);
  t.same(readdirSync(join(store.root, "tmp")), []);
});

t.test("actions", async (t) => {
  const store = await openStore(t.testdir());
  t.equal(await readAction(store, action), undefined);
  const digest = "b".repeat(64);
  await writeAction(store, action, digest);
  t.equal(await readAction(store, action), digest);
  for (const damaged of ["", "b".repeat(63), "../../etc/passwd", "\0".repeat(65)]) {
    writeFileSync(join(store.root, "actions", action), damaged);
    t.equal(await readAction(store, action), undefined, JSON.stringify(damaged.slice(0, 10)));
  }
});

t.test("removing takes the listing and the folder", async (t) => {
  const { store, digest } = await committed(t);
  await removeTree(store, digest);
  t.equal(await hasTree(store, digest), false);
  t.same(readdirSync(join(store.root, "trees")), []);
  await removeTree(store, digest);
});

t.test("a store that cannot be written says so", async (t) => {
  const root = t.testdir({ file: "" });
  await t.rejects(openStore(join(root, "file")), {
    code: "ERR_EDGEIMG_STORE_UNWRITABLE",
    message: `The store ${join(root, "file/edgeimg/v1")} cannot be written.`,
  });
});
