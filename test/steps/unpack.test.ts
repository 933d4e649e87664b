import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { extractTar, extractZip } from "../../src/steps/archives.js";
import { treePath } from "../../src/store/store.js";
import { walk } from "../../src/store/tree.js";
import { debOf, type TarEntry, tarOf, zipOf } from "../helpers/archives.js";
import { testPlan, testServices } from "../helpers/services.js";

/** Unpacks an archive as a step. `outside` is beside the cache: nothing may get there. */
async function unpack(t: Test, archive: Buffer, params: object = {}, name = "thing.archive") {
  const root = t.testdir({ cache: {}, user: {} });
  writeFileSync(join(root, "user", name), archive);
  const services = await testServices(join(root, "cache"));
  const plan = testPlan([
    { id: "archive", kind: "local", params: { path: join(root, "user") } },
    { id: "unpack", kind: "unpack", inputs: { archive: "archive" }, params },
  ]);
  const before = readdirSync(root);
  const run = execute(plan, ["unpack"], services).finally(() => t.same(readdirSync(root), before, "nothing outside"));
  const results = await run;
  const tree = treePath(services.store, results.get("unpack")?.digest ?? "");
  return {
    tree,
    read: (path: string) => readFileSync(join(tree, path), "utf8"),
    list: () => [...walk(tree, "")],
  };
}

const unsafe = (entry: string) => ({
  code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  message: `thing.archive has the entry "${entry}", which would leave its folder.`,
});

const good: readonly TarEntry[] = [
  { path: "pkg-1/", type: "Directory", mode: 0o700 },
  { path: "pkg-1/readme", content: "hello", mode: 0o600 },
  { path: "pkg-1/bin/run", content: "#!/bin/sh\n", mode: 0o744 },
  { path: "pkg-1/link", type: "SymbolicLink", linkpath: "bin/run" },
  { path: "pkg-1/chain", type: "SymbolicLink", linkpath: "link" },
  { path: "pkg-1/dir", type: "SymbolicLink", linkpath: "bin" },
  { path: "pkg-1/hard", type: "Link", linkpath: "pkg-1/readme" },
  { path: "pkg-1/null", type: "CharacterDevice" },
  { path: "pkg-1/sda", type: "BlockDevice" },
  { path: "pkg-1/pipe", type: "FIFO" },
];

t.test("tar, plain and gzipped: files, modes, links and links of links; no devices", async (t) => {
  for (const archive of [tarOf(good), gzipSync(tarOf(good))]) {
    const { tree, read, list } = await unpack(t, archive, { strip: 1 });
    t.same(list(), ["bin", "bin/run", "chain", "dir", "hard", "link", "readme"]);
    t.equal(read("readme"), "hello");
    t.equal(read("hard"), "hello");
    t.same(
      ["link", "chain", "dir"].map((name) => readlinkSync(join(tree, name))),
      ["bin/run", "link", "bin"],
    );
    t.same(
      ["readme", "bin/run"].map((name) => (lstatSync(join(tree, name)).mode & 0o777).toString(8)),
      ["444", "555"],
    );
  }
});

t.test("a tar packed with xz, as source packages are; one that is cut off is refused", async (t) => {
  const xz = execFileSync("xz", ["-c", "-0"], { input: tarOf(good) });
  const { list, read } = await unpack(t, xz, { strip: 1, only: ["readme"] }, "thing.orig.tar.xz");
  t.same(list(), ["readme"]);
  t.equal(read("readme"), "hello");
  await t.rejects(unpack(t, xz.subarray(0, xz.length - 40), { strip: 1 }, "thing.orig.tar.xz"), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  });
});

t.test("only what is wanted; what shall be executable", async (t) => {
  const { list, tree } = await unpack(t, tarOf(good), { strip: 1, only: ["{readme,bin/*}"], executable: ["readme"] });
  t.same(list(), ["bin", "bin/run", "readme"]);
  t.equal(lstatSync(join(tree, "readme")).mode & 0o777, 0o555);
});

t.test("absolute links mean the folder itself", async (t) => {
  const { tree, read } = await unpack(
    t,
    tarOf([
      { path: "etc/x", content: "x" },
      { path: "a/b/l", type: "SymbolicLink", linkpath: "/etc/x" },
      { path: "r", type: "SymbolicLink", linkpath: "/" },
    ]),
  );
  t.equal(readlinkSync(join(tree, "a/b/l")), "../../etc/x");
  t.equal(read("a/b/l"), "x");
  t.equal(readlinkSync(join(tree, "r")), ".");
});

t.test("tar entries that would leave the folder", async (t) => {
  const outside = "../".repeat(12);
  const cases: readonly [string, readonly TarEntry[], object][] = [
    ["../evil", [{ path: "../evil", content: "x" }], {}],
    ["a/../../evil", [{ path: "a/../../evil", content: "x" }], {}],
    ["a/..", [{ path: "a/..", content: "x" }], {}],
    ["/tmp/evil", [{ path: "/tmp/evil", content: "x" }], {}],
    ["pkg/../evil", [{ path: "pkg/../evil", content: "x" }], { strip: 1 }],
    [`l -> ${outside}etc`, [{ path: "l", type: "SymbolicLink", linkpath: `${outside}etc` }], {}],
    ["l -> ..", [{ path: "l", type: "SymbolicLink", linkpath: ".." }], {}],
    ["l -> /../x", [{ path: "l", type: "SymbolicLink", linkpath: "/../x" }], {}],
  ];
  for (const [entry, entries, params] of cases) {
    await t.rejects(unpack(t, tarOf([{ path: "good", content: "good" }, ...entries]), params), unsafe(entry), entry);
  }
});

t.test("a file is never written through a link of the archive", async (t) => {
  const { tree, read } = await unpack(
    t,
    tarOf([
      { path: "l", type: "SymbolicLink", linkpath: "/etc" },
      { path: "l/evil", content: "x" },
    ]),
  );
  t.equal(lstatSync(join(tree, "l")).isDirectory(), true);
  t.equal(read("l/evil"), "x");
  t.equal(existsSync("/etc/evil"), false);
});

t.test("links that leave the folder by way of others", async (t) => {
  const link = (path: string, linkpath: string): TarEntry => ({ path, type: "SymbolicLink", linkpath });
  const base: readonly TarEntry[] = [
    { path: "d/file", content: "" },
    { path: "p/q/file", content: "" },
    link("p/q/x", "../../d"),
  ];
  await t.rejects(
    unpack(t, tarOf([...base, link("p/q/x/y", "../../../../user")])),
    unsafe("p/q/x/y -> ../../../../user"),
  );
  await t.rejects(unpack(t, tarOf([...base, link("p/q/x/y", "../../../f"), link("p/q/x/y/z", "file")])), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  });
  await t.rejects(unpack(t, tarOf([...base, link("z", "p/q/x/../../../..")])), { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE" });
});

t.test("hard links outside", async (t) => {
  for (const linkpath of ["/etc/passwd", "../../../../user/thing.archive"]) {
    await t.rejects(
      unpack(t, tarOf([{ path: "h", type: "Link", linkpath }])),
      { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE" },
      linkpath,
    );
  }
});

t.test("zip: a wheel", async (t) => {
  const { read, list, tree } = await unpack(
    t,
    zipOf([
      { path: "pkg/", content: "" },
      { path: "pkg/lib.so", content: "x".repeat(1e5), mode: 0o100755 },
      { path: "pkg/text", content: "text" },
      { path: "pkg/link", content: "text", mode: 0o120777 },
    ]),
  );
  t.same(list(), ["pkg", "pkg/lib.so", "pkg/text"], "links in zip archives are left out");
  t.equal(read("pkg/lib.so").length, 1e5);
  t.equal(lstatSync(join(tree, "pkg/lib.so")).mode & 0o777, 0o555);
});

t.test("zip entries that would leave the folder", async (t) => {
  for (const path of ["../evil", "a/../../evil", "/tmp/evil", "a\\..\\..\\evil", "C:/evil"]) {
    await t.rejects(
      unpack(
        t,
        zipOf([
          { path: "good", content: "" },
          { path, content: "x" },
        ]),
      ),
      { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE", message: /^thing\.archive / },
      path,
    );
  }
});

t.test("damaged archives and what is none", async (t) => {
  const cut = (bytes: Buffer, length: number) => bytes.subarray(0, length);
  const flip = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 0xff;
    return copy;
  };
  const tar = tarOf([{ path: "a", content: "a".repeat(5000) }]);
  const zip = zipOf([{ path: "a", content: "some content ".repeat(99) }]);
  const archives: Readonly<Record<string, Buffer>> = {
    "tar cut in a file": cut(tar, 3000),
    "tar cut in a header": cut(tar, 300),
    "tar with a damaged header": flip(tar, 3),
    "gzip cut": cut(gzipSync(tar), 40),
    "gzip with a damaged end": flip(gzipSync(tar), gzipSync(tar).length - 6),
    "zip cut": cut(zip, zip.length - 30),
    "zip with damaged data": flip(zip, 31),
    "a page": Buffer.from("<html>Not found</html>".repeat(100)),
    "a Debian package cut": cut(debOf([{ path: "./a", content: "a".repeat(5000) }]), 2500),
  };
  for (const [name, archive] of Object.entries(archives)) {
    await t.rejects(
      unpack(t, archive),
      { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE", message: /^thing\.archive cannot be unpacked: .+\.$/, exitCode: 3 },
      name,
    );
  }
});

t.test("a Debian package", async (t) => {
  const { read, list } = await unpack(
    t,
    debOf([
      { path: "./", type: "Directory" },
      { path: "./usr/share/x", content: "x" },
      { path: "./usr/l", type: "SymbolicLink", linkpath: "share/x" },
    ]),
  );
  t.same(list(), ["usr", "usr/l", "usr/share", "usr/share/x"]);
  t.equal(read("usr/l"), "x");
});

const link = (path: string, linkpath: string): TarEntry => ({ path, type: "SymbolicLink", linkpath });

t.test("links that leave the folder are refused also where they lead to nothing yet", async (t) => {
  const base: readonly TarEntry[] = [{ path: "p/q/file", content: "" }, link("p/q/up", "../..")];
  await t.rejects(
    unpack(t, tarOf([...base, link("z", "p/q/up/../not-there-yet")])),
    unsafe("z -> p/q/up/../not-there-yet"),
  );
  await t.rejects(
    unpack(t, tarOf([...base, link("a", "p/q/up/p"), link("z", "a/../../not-there-yet")])),
    unsafe("z -> a/../../not-there-yet"),
  );
  const circle = await unpack(t, tarOf([...base, link("x", "y"), link("y", "x"), link("gone", "no/such/../file")]));
  t.ok(circle.list().includes("x"), "circles and broken links within the folder do no harm");
});

t.test("hard links: through symbolic links, of symbolic links, out of the folder", async (t) => {
  const hard = (path: string, linkpath: string): TarEntry => ({ path, type: "Link", linkpath });
  await t.rejects(unpack(t, tarOf([link("l", "/etc"), hard("h", "l/passwd")])), { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE" });
  await t.rejects(unpack(t, tarOf([link("l", "../user"), hard("h", "l/thing.archive")])), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  });
  await t.rejects(unpack(t, tarOf([{ path: "pkg/a" }, hard("pkg/h", "pkg/../../x")]), { strip: 1 }), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  });
  const { tree, list } = await unpack(t, tarOf([{ path: "a", content: "a" }, link("l", "a"), hard("h", "l")]));
  t.same(list(), ["a", "h", "l"]);
  t.equal(readlinkSync(join(tree, "h")), "a", "a second name of a link is a link");
});

t.test("of two entries with one path the later one counts", async (t) => {
  const text = (path: string, content: string): TarEntry => ({ path, content });
  const file = await unpack(t, tarOf([text("b", "b"), link("a", "b"), text("a", "file")]));
  t.equal(lstatSync(join(file.tree, "a")).isSymbolicLink(), false);
  t.equal(file.read("a"), "file");
  t.equal(file.read("b"), "b", "the file was not written through the link");
  const linked = await unpack(t, tarOf([text("b", "b"), text("a", "file"), link("a", "b")]));
  t.equal(linked.read("a"), "b");
  const twice = await unpack(
    t,
    tarOf([text("a", "one"), { path: "h", type: "Link", linkpath: "a" }, text("a", "two")]),
  );
  t.equal(twice.read("a"), "two");
  t.equal(twice.read("h"), "one", "a hard link's other name keeps its content");
});

t.test("no set-user-ID, set-group-ID or sticky bits", async (t) => {
  const { tree } = await unpack(
    t,
    tarOf([
      { path: "su", content: "x", mode: 0o6755 },
      { path: "text", content: "x", mode: 0o7644 },
    ]),
  );
  t.equal(lstatSync(join(tree, "su")).mode & 0o7777, 0o555);
  t.equal(lstatSync(join(tree, "text")).mode & 0o7777, 0o444);
});

t.test("sizes that are too large, and archives with more than any package holds", async (t) => {
  const huge = tarOf([{ path: "huge", content: "x" }]);
  // Base-256, as GNU tar writes sizes past 8 GiB: 2^40 bytes.
  const size = Buffer.alloc(12);
  size[0] = 0x80;
  size.writeUInt32BE(2 ** 8, 4);
  size.copy(huge, 124);
  huge.write("        ", 148);
  const sum = huge.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  huge.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  await t.rejects(unpack(t, huge), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    message: /holds more than 17179869184 bytes/,
  });
  const entries = Array.from({ length: 12 }, (_, at): TarEntry => ({ path: `f${at}`, content: "12345678" }));
  const into = t.testdir();
  const options = { into, strip: 0, wanted: () => true, signal: new AbortController().signal };
  for (const [limits, message] of [
    [{ entries: 10, bytes: 1000 }, /more than 10 entries/],
    [{ entries: 100, bytes: 50 }, /more than 50 bytes/],
  ] as const) {
    await t.rejects(extractTar(Readable.from([tarOf(entries)]), "x", { ...options, limits }), { message });
    writeFileSync(join(into, "x.zip"), zipOf(entries.map(({ path }) => ({ path, content: "12345678" }))));
    await t.rejects(extractZip(join(into, "x.zip"), { ...options, limits }), { message });
  }
});

t.test("names with control characters", async (t) => {
  for (const name of ["a\nb", "a\u001b[2Jb", "a\u007f"]) {
    await t.rejects(unpack(t, tarOf([{ path: name, content: "x" }])), {
      code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
      message: /control characters/,
    });
    await t.rejects(unpack(t, zipOf([{ path: name, content: "x" }])), {
      code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
      message: /control characters/,
    });
  }
  await t.rejects(unpack(t, tarOf([link("l", "a\nb")])), { message: /control characters/ });
  // A zero byte fits only into a pax header's path.
  const record = "17 path=a\0b/evil\n";
  const pax = tarOf([
    { path: "pax", type: "ExtendedHeader", content: record },
    { path: "x", content: "x" },
  ]);
  t.same((await unpack(t, pax)).list(), ["a"], "the reader takes the name up to it");
});

t.test("paths that are deeper than a file system takes", async (t) => {
  const deep = (depth: number) => {
    const path = `${"d/".repeat(depth)}f`;
    const record = (length: number) => `${length} path=${path}\n`;
    const length = record(0).length - 1;
    const digits = String(length + String(length).length).length;
    return tarOf([
      { path: "pax", type: "ExtendedHeader", content: record(length + digits) },
      { path: "x", content: "x" },
    ]);
  };
  t.equal((await unpack(t, deep(200))).read(`${"d/".repeat(200)}f`), "x");
  await t.rejects(unpack(t, deep(5000)), { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE" });
});

t.test("archives of the real tar: sparse files are refused, all else comes out", async (t) => {
  const from = t.testdir({ real: { text: "text", sub: { x: "x" } } });
  const tar = (...words: string[]) => execFileSync("tar", ["-C", join(from, "real"), ...words], { maxBuffer: 1 << 24 });
  symlinkSync("sub/x", join(from, "real/link"));
  linkSync(join(from, "real/text"), join(from, "real/hard"));
  const file = openSync(join(from, "real/sparse"), "w");
  ftruncateSync(file, 1 << 20);
  closeSync(file);
  const archives = ["gnu", "pax"].map((format) => ({
    format,
    plain: tar("-c", `--format=${format}`, "--exclude=sparse", "."),
    sparse: tar("-c", "-S", `--format=${format}`, "."),
  }));
  for (const { format, plain, sparse } of archives) {
    t.same((await unpack(t, plain)).list(), ["hard", "link", "sub", "sub/x", "text"], format);
    await t.rejects(unpack(t, sparse), { code: "ERR_EDGEIMG_ARCHIVE_UNSAFE", message: /sparse/ }, format);
  }
});
