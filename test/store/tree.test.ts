import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { sha256Text } from "../../src/ground/canonical.js";
import { commitTree, openStore, treePath } from "../../src/store/store.js";
import { listTree, normaliseTree, storedHash, type TreeEntry, treeDigest, treeTime } from "../../src/store/tree.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

type Content = string | { readonly link: string } | { readonly program: string } | null;

/** null is an empty folder. */
function write(
  root: string,
  files: Readonly<Record<string, Content>>,
  order: readonly string[] = Object.keys(files),
): string {
  for (const path of order) {
    const content = files[path];
    const full = join(root, path);
    mkdirSync(content === null ? full : dirname(full), { recursive: true });
    if (typeof content === "string") writeFileSync(full, content);
    else if (content && "link" in content) symlinkSync(content.link, full);
    else if (content) writeFileSync(full, content.program, { mode: 0o755 });
  }
  return root;
}

const digestOf = async (root: string) => treeDigest(await listTree(root));

const sample = {
  "b/run": { program: "#!/bin/sh\n" },
  "b/text": "hello\n",
  "b.c": "",
  empty: null,
  "ä ö/ü": "umlauts and a space",
  "lib/x.so": { link: "../b/text" },
} as const;

t.test("a digest is sha256 over sorted lines that anybody can compute", async (t) => {
  const lines = [
    "d  b",
    `x ${sha256("#!/bin/sh\n")} b/run`,
    `f ${sha256("hello\n")} b/text`,
    `f ${sha256("")} b.c`,
    "d  empty",
    "d  lib",
    "l ../b/text lib/x.so",
    "d  ä ö",
    `f ${sha256("umlauts and a space")} ä ö/ü`,
  ];
  t.equal(await digestOf(write(t.testdir(), sample)), sha256(lines.map((line) => `${line}\n`).join("")));
});

t.test("umask, times, modes, order of creation and place do not matter", async (t) => {
  const root = t.testdir({ one: {}, deep: { er: {} } });
  const one = write(join(root, "one"), sample);
  const before = process.umask(0o077);
  try {
    const other = write(join(root, "deep/er"), sample, Object.keys(sample).reverse());
    utimesSync(join(other, "b/text"), 1, 1);
    t.equal(statSync(join(other, "b/run")).mode & 0o777, 0o700);
    t.equal(await digestOf(other), await digestOf(one));
  } finally {
    process.umask(before);
  }
});

t.test("each kind of difference gives another digest", async (t) => {
  const base: Readonly<Record<string, Content>> = { "a/f": "1", "a/x": { program: "1" }, l: { link: "a/f" } };
  const changed: readonly Readonly<Record<string, Content>>[] = [
    { ...base, "a/f": "2" },
    { ...base, "a/f": { program: "1" } },
    { ...base, "a/x": "1" },
    { ...base, l: { link: "a/x" } },
    { ...base, l: "a/f" },
    { ...base, more: "" },
    { ...base, folder: null },
    { "a/g": "1", "a/x": { program: "1" }, l: { link: "a/f" } },
  ];
  const digests = new Set<string>();
  const folder = t.testdir({});
  for (const [index, files] of [base, ...changed].entries()) {
    const root = join(folder, String(index));
    mkdirSync(root, { recursive: true });
    digests.add(await digestOf(write(root, files)));
  }
  t.equal(digests.size, changed.length + 1);
});

t.test("names cannot be chosen so that two trees look the same", async (t) => {
  const entry = (type: TreeEntry["type"], path: string, hash: string): TreeEntry => ({
    type,
    path,
    hash,
    size: 0,
    stamp: "",
  });
  t.not(treeDigest([entry("l", "c", "a b")]), treeDigest([entry("l", "b c", "a")]), "a space in a link's target");
  const hash = sha256("");
  t.not(
    treeDigest([entry("f", `a\nf ${hash} b`, hash)]),
    treeDigest([entry("f", "a", hash), entry("f", "b", hash)]),
    "a line feed",
  );
  t.not(treeDigest([entry("l", "p", "x\nl y q")]), treeDigest([entry("l", "p", "x"), entry("l", "q", "y")]));
});

t.test("normalised files have one mode and one time, links too", async (t) => {
  const root = write(t.testdir(), sample);
  chmodSync(join(root, "b/text"), 0o000);
  chmodSync(join(root, "b"), 0o700);
  normaliseTree(root);
  const modeOf = (path: string) => (statSync(join(root, path)).mode & 0o7777).toString(8);
  t.same(["b", "b/text", "b/run", "b.c", "empty"].map(modeOf), ["755", "444", "555", "444", "755"]);
  t.equal(readlinkSync(join(root, "lib/x.so")), "../b/text");
  for (const path of ["b", "b/text", "lib/x.so"]) t.equal(lstatSync(join(root, path)).mtimeMs, treeTime * 1000, path);
});

t.test("files larger than the buffer are hashed whole", async (t) => {
  const big = "0123456789abcdef".repeat(1 << 16);
  const [entry] = await listTree(write(t.testdir(), { big }));
  t.match(entry, { type: "f", size: 1 << 20, hash: sha256(big) });
});

t.test("what is neither file, folder nor link is refused", async (t) => {
  const root = t.testdir();
  execFileSync("mkfifo", [join(root, "pipe")]);
  await t.rejects(listTree(root), /pipe is neither a file, a folder nor a link/);
});

t.test("a stored file's hash is the listing's; of a changed file, or without a listing, its own", async (t) => {
  const store = await openStore(t.testdir());
  const folder = join(store.root, "work/one");
  mkdirSync(folder);
  const large = Buffer.alloc(3_000_000, 7);
  writeFileSync(join(folder, "large"), large);
  const { digest } = await commitTree(store, folder);
  const tree = treePath(store, digest);
  t.equal(await storedHash(tree, "large"), sha256Text(large));
  chmodSync(join(tree, "large"), 0o644);
  writeFileSync(join(tree, "large"), "other");
  t.equal(await storedHash(tree, "large"), sha256Text("other"));
  rmSync(`${tree}.json`);
  t.equal(await storedHash(tree, "large"), sha256Text("other"));
});
