import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
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
