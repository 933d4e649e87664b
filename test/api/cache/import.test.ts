import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { cacheImport } from "../../../src/api/cache/import.js";
import { type ArchiveEntry, writeTar } from "../../../src/formats/tar-writer.js";
import { sha256Text } from "../../../src/ground/canonical.js";
import { type ArchiveIndex, archiveIndexName, formatIndex } from "../../../src/store/archive.js";
import { findDamage, openStore, readAction, treePath } from "../../../src/store/store.js";
import { type TreeEntry, treeDigest } from "../../../src/store/tree.js";
import { quietContext } from "../../helpers/context.js";

const action = sha256Text("an action");
const download = "a download";
const program = "#!/bin/sh\n";

type Listed = ArchiveIndex["trees"][string][number];

const digestOf = (list: readonly Listed[]): string =>
  treeDigest(list.map(([type, path, hash]): TreeEntry => ({ type, path, hash, size: 0, stamp: "" })));

const tree: readonly Listed[] = [
  ["d", "bin", ""],
  ["x", "bin/tool", sha256Text(program)],
  ["f", "notes", sha256Text(download)],
  ["l", "tool", "bin/tool"],
];

function indexOf(list: readonly Listed[], more: Partial<ArchiveIndex> = {}): ArchiveIndex {
  const digest = digestOf(list);
  return {
    format: 1,
    lock: sha256Text("lock"),
    objects: {
      [sha256Text(download)]: { size: download.length, name: "libfoo.deb" },
      [sha256Text(program)]: { size: program.length, name: "bin/tool of compile/x" },
    },
    blobs: [sha256Text(download)],
    trees: { [digest]: [...list] },
    actions: { [action]: digest },
    ...more,
  };
}

const file = (path: string, text: string): ArchiveEntry => ({
  type: "file",
  path,
  mode: 0o644,
  data: Buffer.from(text),
});
const object = (text: string, content = text) => file(`objects/${sha256Text(text)}`, content);
const objects = [object(download), object(program)];

/** Writes an archive and takes it in; gives the store's folder and the failure, if any. */
async function imported(t: Test, entries: readonly ArchiveEntry[], cut?: number) {
  const cwd = t.testdir({ cache: {} });
  const archive = join(cwd, "site.tar");
  writeFileSync(archive, Buffer.concat([...writeTar(entries, 946_684_800)]));
  if (cut !== undefined) truncateSync(archive, cut);
  const failure = await cacheImport(quietContext(cwd), { file: "site.tar" }).then(
    () => undefined,
    (error: unknown) => error,
  );
  const store = await openStore(join(cwd, "cache"));
  const names = (folder: string) => readdirSync(join(store.root, folder));
  return { cwd, failure, store, empty: ["trees", "blobs", "actions", "tmp"].every((one) => names(one).length === 0) };
}

function contextOf(cwd: string) {
  const { signal } = new AbortController();
  return { cwd, env: { XDG_CACHE_HOME: join(cwd, "cache") }, now: () => 0, date: Date.now, emit: () => {}, signal };
}

t.test("a whole archive gives the store its downloads, trees and actions", async (t) => {
  const { failure, store } = await imported(t, [file(archiveIndexName, formatIndex(indexOf(tree))), ...objects]);
  t.equal(failure, undefined);
  const digest = digestOf(tree);
  t.equal(await readAction(store, action), digest);
  t.equal(await findDamage(store, digest, { full: true }), undefined);
  t.equal(readFileSync(join(treePath(store, digest), "tool"), "utf8"), program);
  t.equal(readFileSync(join(store.root, "blobs", sha256Text(download)), "utf8"), download);
  t.same(readdirSync(join(store.root, "tmp")), []);
});

t.test("what a store knows by itself is not replaced", async (t) => {
  const { cwd, store } = await imported(t, [file(archiveIndexName, formatIndex(indexOf(tree))), ...objects]);
  const other = indexOf([["f", "evil", sha256Text(download)]]);
  writeFileSync(
    join(cwd, "other.tar"),
    Buffer.concat([...writeTar([file(archiveIndexName, formatIndex(other)), ...objects], 0)]),
  );
  await cacheImport(quietContext(cwd), { file: "other.tar" });
  t.equal(await readAction(store, action), digestOf(tree));
});

const index = formatIndex(indexOf(tree));
const withTree = (list: readonly Listed[], more: Partial<ArchiveIndex> = {}) => [
  file(archiveIndexName, formatIndex(indexOf(list, more))),
  ...objects,
];
const cases: readonly {
  readonly what: string;
  readonly entries: readonly ArchiveEntry[];
  readonly cut?: number;
  readonly code?: string;
  readonly says: RegExp;
}[] = [
  {
    what: "a missing object",
    entries: [file(archiveIndexName, index), object(program)],
    says: /lacks libfoo\.deb \(object [0-9a-f]{64}\)/,
  },
  {
    what: "a changed object",
    entries: [file(archiveIndexName, index), object(download, "a downl0ad"), object(program)],
    says: /libfoo\.deb \(object [0-9a-f]{64}\) has been changed/,
  },
  {
    what: "a longer object",
    entries: [file(archiveIndexName, index), object(download, `${download}!`), object(program)],
    says: /libfoo\.deb .* has been changed/,
  },
  { what: "an archive that ends early", entries: [file(archiveIndexName, index), ...objects], cut: 2048, says: /./ },
  { what: "an empty file", entries: [], cut: 0, says: /./ },
  { what: "another tar archive", entries: [file("README", "hello")], says: /not an archive of `edgeimg cache export`/ },
  { what: "an index that is none", entries: [file(archiveIndexName, "{")], says: /edgeimg-cache\.json/ },
  {
    what: "a changed listing",
    entries: [
      file(archiveIndexName, formatIndex({ ...indexOf(tree), trees: { [digestOf(tree)]: tree.slice(0, 3) } })),
      ...objects,
    ],
    says: /listing of tree .* changed/,
  },
  {
    what: "a tree with a file that is not among the objects",
    entries: withTree([["f", "x", sha256Text("absent")]]),
    says: /object .* is not listed/,
  },
  {
    what: "an entry outside of objects",
    entries: [file(archiveIndexName, index), file("../../evil", "x"), ...objects],
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    says: /evil/,
  },
  {
    what: "an object that no index names",
    entries: [file(archiveIndexName, index), object("stowaway"), ...objects],
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    says: /objects\//,
  },
  {
    what: "an object twice",
    entries: [file(archiveIndexName, index), ...objects, object(program)],
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    says: /objects\//,
  },
  {
    what: "a link in the place of an object",
    entries: [
      file(archiveIndexName, index),
      { type: "symlink", path: `objects/${sha256Text(download)}`, target: "/etc/passwd" },
      object(program),
    ],
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    says: /objects\//,
  },
  ...(
    [
      ["a path that climbs out", [["f", "../evil", sha256Text(download)]]],
      ["an absolute path", [["f", "/tmp/evil", sha256Text(download)]]],
      [
        "a path through a link",
        [
          ["l", "a", "bin"],
          ["f", "a/evil", sha256Text(download)],
        ],
      ],
      ["a path through a folder that is not listed", [["f", "a/evil", sha256Text(download)]]],
      ["a link to an absolute place", [["l", "a", "/etc"]]],
      [
        "a link that climbs out",
        [
          ["d", "a", ""],
          ["l", "a/b", "../../x"],
        ],
      ],
      [
        "a path twice",
        [
          ["l", "a", "b"],
          ["f", "a", sha256Text(download)],
        ],
      ],
      ["a path with a dot", [["d", ".", ""]]],
      ["a step up behind a name that is not there", [["l", "a", "absent/../b"]]],
      ["a zero byte", [["f", "a\0b", sha256Text(download)]]],
    ] satisfies [string, Listed[]][]
  ).map(([what, list]) => ({
    what,
    entries: withTree(list),
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    says: /would leave its folder/,
  })),
];

for (const one of cases) {
  t.test(`${one.what} is refused, and nothing is taken`, async (t) => {
    const { cwd, failure, empty } = await imported(t, one.entries, one.cut);
    t.match(failure, { code: one.code ?? "ERR_EDGEIMG_CACHE_ARCHIVE", exitCode: 3, message: one.says });
    t.ok(empty, "the store is as it was");
    t.notOk(existsSync(join(cwd, "evil")) || existsSync("/tmp/evil"));
  });
}

t.test("a compressed archive is not unpacked: a small file could hold any number of bytes", async (t) => {
  const cwd = t.testdir({ cache: {} });
  const head = Buffer.concat([...writeTar([file(archiveIndexName, index)], 0)]);
  // The fixture of the fault: 200 MB of zeros in 194 kB, behind a good beginning and without one.
  for (const bytes of [Buffer.alloc(2e8), Buffer.concat([head.subarray(0, -1024), Buffer.alloc(2e8)])]) {
    writeFileSync(join(cwd, "bomb.tar"), gzipSync(bytes));
    const began = process.cpuUsage();
    await t.rejects(cacheImport(contextOf(cwd), { file: "bomb.tar" }), {
      code: "ERR_EDGEIMG_CACHE_ARCHIVE",
      message: /plain tar/,
    });
    // Unpacking takes minutes of it; reading one block next to nothing.
    t.ok(process.cpuUsage(began).user < 2e6, "it was not unpacked");
  }
});

t.test("trees that would take more than a disk, from one object, are refused", async (t) => {
  const big = sha256Text("big");
  const list = Array.from({ length: 100 }, (_, at): Listed => ["f", `f${at + 100}`, big]);
  const more = { objects: { ...indexOf(tree).objects, [big]: { size: 2 ** 30, name: "big" } } };
  const { failure, empty } = await imported(t, withTree(list, more));
  t.match(failure, { code: "ERR_EDGEIMG_CACHE_ARCHIVE", message: /would take more than/ });
  t.ok(empty);
});

t.test("an object that says another size than the index is refused before it is written", async (t) => {
  const wrong = indexOf(tree);
  const objectsOf = { ...wrong.objects, [sha256Text(download)]: { size: 3, name: "libfoo.deb" } };
  const { failure } = await imported(t, [
    file(archiveIndexName, formatIndex({ ...wrong, objects: objectsOf })),
    ...objects,
  ]);
  t.match(failure, { code: "ERR_EDGEIMG_CACHE_ARCHIVE", message: /libfoo\.deb .* has been changed/ });
});

t.test("a file that is not there", async (t) => {
  const cwd = t.testdir();
  const { signal } = new AbortController();
  const context = { cwd, env: { XDG_CACHE_HOME: cwd }, now: () => 0, date: Date.now, emit: () => {}, signal };
  await t.rejects(cacheImport(context, { file: "absent.tar" }), { exitCode: 1, message: /absent\.tar/ });
});
