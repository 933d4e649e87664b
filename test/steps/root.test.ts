import { execFileSync } from "node:child_process";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import t, { type Test } from "tap";
import * as z from "zod";
import { execute } from "../../src/execute/execute.js";
import { readElf } from "../../src/formats/elf.js";
import { treePath } from "../../src/store/store.js";
import { debOf, type TarEntry } from "../helpers/archives.js";
import { testPlan, testServices } from "../helpers/services.js";

/** Unpacks packages, given as file name -> payload, into a root. */
async function makeRoot(t: Test, debs: Readonly<Record<string, readonly TarEntry[]>>, params: object = {}) {
  const folder = t.testdir({ cache: {}, debs: {} });
  for (const [name, entries] of Object.entries(debs)) writeFileSync(join(folder, "debs", name), debOf(entries));
  const services = await testServices(join(folder, "cache"));
  const plan = testPlan([
    { id: "debs", kind: "local", params: { path: join(folder, "debs") } },
    { id: "root", kind: "root", inputs: { debs: "debs" }, params },
  ]);
  const { digest = "" } = (await execute(plan, ["root"], services)).get("root") ?? {};
  const tree = treePath(services.store, digest);
  const owners = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(join(tree, "owners.json"), "utf8")));
  return { folder, digest, root: join(tree, "root"), owners };
}

const link = (path: string, linkpath: string): TarEntry => ({ path, type: "SymbolicLink", linkpath });

t.test("packages of the old layout end in the merged one", async (t) => {
  const { root, owners } = await makeRoot(t, {
    "a_1_arm64.deb": [
      { path: "./lib/aarch64-linux-gnu/liba.so.1.2", content: "liba" },
      link("./lib/aarch64-linux-gnu/liba.so.1", "liba.so.1.2"),
      { path: "./usr/bin/a", content: "program", mode: 0o755 },
      { path: "./sbin/old", content: "old", mode: 0o755 },
      { path: "./usr/share/doc/a/copyright", content: "MIT" },
    ],
    "base_1_all.deb": [
      link("./lib", "usr/lib"),
      link("./bin", "usr/bin"),
      link("./lib64", "usr/lib64"),
      { path: "./etc/x", content: "" },
    ],
  });
  t.same(
    ["bin", "sbin", "lib", "lib64"].map((name) => readlinkSync(join(root, name))),
    ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"],
  );
  t.equal(readFileSync(join(root, "lib/aarch64-linux-gnu/liba.so.1"), "utf8"), "liba");
  t.equal(readFileSync(join(root, "usr/sbin/old"), "utf8"), "old");
  t.same(Object.fromEntries(Object.entries(owners).filter(([path]) => !/^(usr\/)?(bin|lib|lib64)$/.test(path))), {
    "etc/x": "base_1_all.deb",
    "usr/bin/a": "a_1_arm64.deb",
    "usr/lib/aarch64-linux-gnu/liba.so.1": "a_1_arm64.deb",
    "usr/lib/aarch64-linux-gnu/liba.so.1.2": "a_1_arm64.deb",
    "usr/sbin/old": "a_1_arm64.deb",
    "usr/share/doc/a/copyright": "a_1_arm64.deb",
  });
  t.same(Object.keys(owners), Object.keys(owners).sort(), "sorted, so that the bytes are always the same");
});

t.test("only what is wanted is unpacked, in the words of the merged layout", async (t) => {
  const entries: readonly TarEntry[] = [
    { path: "./lib/modules/6.1/a.ko", content: "" },
    { path: "./lib/modules/6.1/b.ko", content: "" },
    { path: "./usr/share/man/x", content: "" },
    link("./usr/lib/alias", "modules"),
  ];
  const { owners } = await makeRoot(
    t,
    { "k_1_arm64.deb": entries },
    { only: ["usr/lib/**", "usr/share/**"], exclude: ["usr/share/man/**", "**/b.ko"] },
  );
  t.same(Object.keys(owners), ["usr/lib/alias", "usr/lib/modules/6.1/a.ko"]);
});

t.test("links that maintainer scripts would have made", async (t) => {
  const { root } = await makeRoot(
    t,
    {
      "a_1_all.deb": [
        { path: "./usr/bin/mawk", content: "awk" },
        { path: "./etc/mtab", content: "real" },
      ],
    },
    { links: { "usr/bin/awk": "mawk", "etc/mtab": "../proc/mounts", "new/deep/link": "../../usr" } },
  );
  t.equal(readFileSync(join(root, "usr/bin/awk"), "utf8"), "awk");
  t.equal(readlinkSync(join(root, "etc/mtab")), "../proc/mounts");
  t.ok(lstatSync(join(root, "new/deep/link")).isSymbolicLink());
});

t.test("a later package's folder wins over a link to it; the order of files decides nothing", async (t) => {
  const a: readonly TarEntry[] = [link("./usr/share/x", "y"), { path: "./usr/share/y/one", content: "1" }];
  const b: readonly TarEntry[] = [{ path: "./usr/share/x/two", content: "2" }];
  const first = await makeRoot(t, { "a.deb": a, "b.deb": b });
  t.equal(readFileSync(join(first.root, "usr/share/x/two"), "utf8"), "2");
  const second = await makeRoot(t, { "b.deb": b, "a.deb": a });
  t.equal(second.digest, first.digest);
});

t.test("a damaged package is named", async (t) => {
  const folder = t.testdir({ cache: {}, debs: { "bad_1_all.deb": "!<arch>\nrubbish" } });
  const services = await testServices(join(folder, "cache"));
  const plan = testPlan([
    { id: "debs", kind: "local", params: { path: join(folder, "debs") } },
    { id: "root", kind: "root", inputs: { debs: "debs" }, params: {} },
  ]);
  await t.rejects(execute(plan, ["root"], services), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    message: /^bad_1_all\.deb cannot be unpacked: /,
  });
});

t.test("a package whose links would leave the root", async (t) => {
  await t.rejects(makeRoot(t, { "evil_1_all.deb": [link("./usr/x", "../../../etc")] }), {
    code: "ERR_EDGEIMG_ARCHIVE_UNSAFE",
  });
});

/** A dynamic program of this machine, its loader and its libraries. */
function hostProgram(): { program: string; loader: string; libraries: readonly string[] } | undefined {
  const program = realpathSync("/bin/sh");
  const elf = readElf(readFileSync(program));
  if (elf?.interpreter === undefined) return undefined;
  const report = z.object({ sharedObjects: z.array(z.string()) }).parse(process.report?.getReport());
  const libraries = elf.needed.map((name) => report.sharedObjects.find((path) => basename(path) === name));
  if (libraries.some((path) => path === undefined)) return undefined;
  return { program, loader: elf.interpreter, libraries: libraries.filter((path) => path !== undefined) };
}

const host = hostProgram();

t.test(
  "wrapped programs",
  { skip: host === undefined ? "this machine's shell is not one that can be taken" : false },
  async (t) => {
    if (host === undefined) return;
    const deb: readonly TarEntry[] = [
      { path: "./usr/bin/tool", content: readFileSync(host.program), mode: 0o755 },
      link("./usr/bin/tool-13", "tool"),
      link("./usr/bin/alias", "/etc/alternatives/alias"),
      link("./etc/alternatives/alias", "/usr/bin/tool-13"),
      link("./usr/libexec/inner", "../bin/tool"),
      { path: "./usr/bin/script", content: "#!/bin/sh\necho script\n", mode: 0o755 },
      { path: "./usr/lib/host/ld.so.9", content: readFileSync(host.loader), mode: 0o755 },
      ...host.libraries.map((path) => ({ path: `./usr/lib/host/${basename(path)}`, content: readFileSync(path) })),
    ];
    const wrap = { loader: "usr/lib/host/ld.so.9", libraries: ["usr/lib/host"], folders: ["usr/bin"] };
    const { root, folder, owners } = await makeRoot(t, { "tool_1_amd64.deb": deb }, { wrap });
    const say = (program: string, cwd = "/") =>
      execFileSync(program, ["-c", 'echo "$0 $1 $#"', "zero", "a b", "*"], { cwd, encoding: "utf8", env: {} });
    const places = [
      "usr/bin/tool",
      "usr/bin/tool-13",
      "usr/bin/alias",
      "usr/libexec/inner",
      "bin/tool",
      "bin/alias",
      "etc/alternatives/alias",
    ];

    await t.test("work by every name, under links to folders too", async (t) => {
      for (const place of places) t.equal(say(join(root, place)), "zero a b 2\n", place);
      t.match(readFileSync(join(root, "usr/bin/tool"), "latin1"), /^#!\/bin\/sh\n/);
      t.equal(readFileSync(join(root, "usr/bin/script"), "utf8"), "#!/bin/sh\necho script\n", "scripts stay");
      t.equal(owners["usr/bin/tool"], "tool_1_amd64.deb");
    });

    await t.test("work wherever the root lies", async (t) => {
      const moved = join(folder, "moved to/a 'place'");
      mkdirSync(join(folder, "moved to"));
      cpSync(root, moved, { recursive: true, verbatimSymlinks: true });
      for (const place of places) t.equal(say(join(moved, place)), "zero a b 2\n", place);
      mkdirSync(join(folder, "work/in"), { recursive: true });
      symlinkSync(root, join(folder, "work/in/tools"));
      for (const place of places) t.equal(say(`./in/tools/${place}`, join(folder, "work")), "zero a b 2\n", place);
      t.equal(say("./tool", join(root, "usr/bin")), "zero a b 2\n");
    });

    await t.test("really run with the root's own loader and libraries", async (t) => {
      const broken = join(folder, "broken");
      cpSync(root, broken, { recursive: true, verbatimSymlinks: true });
      writeFileSync(join(folder, "loader"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
      execFileSync("cp", ["-f", join(folder, "loader"), join(broken, "usr/lib/host/ld.so.9")]);
      const [flag, name, option, library, real] = execFileSync(join(broken, "usr/bin/tool"), ["x"], {
        encoding: "utf8",
      }).split(" ");
      t.same([flag, name, option], ["--argv0", join(broken, "usr/bin/tool"), "--library-path"]);
      t.equal(realpathSync(library ?? ""), realpathSync(join(broken, "usr/lib/host")));
      t.equal(realpathSync(real ?? ""), realpathSync(join(broken, "usr/bin/.real/tool")));
    });
  },
);
