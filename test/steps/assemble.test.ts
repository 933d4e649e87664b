import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import * as z from "zod";
import { execute } from "../../src/execute/execute.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { treePath } from "../../src/store/store.js";
import { walk } from "../../src/store/tree.js";
import { makeElf } from "../helpers/elf.js";
import { testPlan, testServices } from "../helpers/services.js";

type Folder = { [name: string]: string | Buffer | Folder };

const record = z.record(z.string(), z.unknown());

/** Assembles from inputs that are given as folders. */
async function assemble(
  t: Test,
  inputs: Readonly<Record<string, Folder>>,
  params: object,
  prepare: (folder: string) => void = () => {},
) {
  const folder = t.testdir({ cache: {}, ...inputs });
  prepare(folder);
  const services = await testServices(join(folder, "cache"));
  const names = Object.keys(inputs);
  const plan = testPlan([
    ...names.map((name) => ({ id: name, kind: "local", params: { path: join(folder, name) } })),
    { id: "all", kind: "assemble", inputs: Object.fromEntries(names.map((name) => [name, name])), params },
  ]);
  const { digest = "" } = (await execute(plan, ["all"], services)).get("all") ?? {};
  const tree = treePath(services.store, digest);
  const files = z.array(record).parse(JSON.parse(readFileSync(join(tree, "files.json"), "utf8")));
  return { digest, tree, files, unpack: () => unpackTar(folder, join(tree, "data.tar")) };
}

function unpackTar(folder: string, archive: string): string {
  const into = join(folder, "unpacked");
  execFileSync("mkdir", [into]);
  execFileSync("tar", ["-xpf", archive, "--no-same-owner", "-C", into]);
  return into;
}

const packages: Folder = {
  root: { usr: { bin: { tool: "tool" }, lib: { "mod-6.1.ko": "module", "other.ko": "x" } } },
  "owners.json": JSON.stringify({ "usr/bin/tool": "tool_1_arm64.deb", "usr/lib/mod-6.1.ko": "mod_1_arm64.deb" }),
};

t.test("the top folder of a root file system is root's and 0755, not what a tool makes of it", async (t) => {
  const { tree, files } = await assemble(
    t,
    {},
    { format: "tar", entries: [{ type: "file", path: "etc/hostname", mode: 0o644, from: { text: "board\n" } }] },
  );
  const listing = execFileSync("tar", ["--numeric-owner", "-tvf", join(tree, "data.tar")], { encoding: "utf8" });
  t.match(listing, /^drwxr-xr-x 0\/0 +0 [^\n]* \.\/\n/);
  t.same(
    files.map(({ path }) => path),
    ["etc", "etc/hostname"],
  );
});

t.test("files, texts, trees, links, folders: with modes and where each came from", async (t) => {
  const { tree, files, unpack } = await assemble(
    t,
    { packages, app: { main: "app", sub: { a: "1", "b.md": "2" } } },
    {
      format: "tar",
      entries: [
        { type: "file", path: "usr/bin/tool", mode: 0o4755, from: { input: "packages", path: "root/usr/bin/tool" } },
        {
          type: "file",
          path: "lib/module.ko",
          mode: 0o644,
          from: { input: "packages", path: "root/usr/lib/mod-*.ko" },
        },
        { type: "file", path: "etc/hostname", mode: 0o600, from: { text: "first\n" } },
        { type: "file", path: "etc/hostname", mode: 0o644, from: { text: "board\n" } },
        { type: "tree", path: "app", from: { input: "app", path: "" }, exclude: ["**.md"] },
        { type: "symlink", path: "etc/mtab", target: "../proc/mounts" },
        { type: "directory", path: "tmp", mode: 0o1777 },
      ],
    },
  );
  t.same([...walk(tree, "")], ["data.tar", "files.json"]);
  t.same(
    files.map(({ path, mode, input, package: name }) => [path, Number(mode).toString(8), input, name]),
    [
      ["app", "755", undefined, undefined],
      ["app/main", "644", "app", undefined],
      ["app/sub", "755", undefined, undefined],
      ["app/sub/a", "644", "app", undefined],
      ["etc", "755", undefined, undefined],
      ["etc/hostname", "644", "edgeimg", undefined],
      ["etc/mtab", "777", undefined, undefined],
      ["lib", "755", undefined, undefined],
      ["lib/module.ko", "644", "packages", "mod_1_arm64.deb"],
      ["tmp", "1777", undefined, undefined],
      ["usr", "755", undefined, undefined],
      ["usr/bin", "755", undefined, undefined],
      ["usr/bin/tool", "4755", "packages", "tool_1_arm64.deb"],
    ],
  );
  t.match(
    files.find(({ path }) => path === "etc/hostname"),
    { type: "file", size: 6, sha256: sha256Text("board\n") },
  );
  t.match(
    files.find(({ path }) => path === "etc/mtab"),
    { type: "symlink", size: 0, target: "../proc/mounts" },
  );
  const root = unpack();
  t.equal(readFileSync(join(root, "lib/module.ko"), "utf8"), "module");
  t.equal(readlinkSync(join(root, "etc/mtab")), "../proc/mounts");
  t.equal(lstatSync(join(root, "usr/bin/tool")).mode & 0o777, 0o755);
});

t.test("the order of entries shows only where one replaces another", async (t) => {
  const entries = ["b", "a", "c/d"].map((path) => ({ type: "file", path, mode: 0o644, from: { text: path } }));
  for (const format of ["tar", "cpio", "folder"]) {
    const one = await assemble(t, {}, { format, entries });
    const other = await assemble(t, {}, { format, entries: [...entries].reverse() });
    t.equal(other.digest, one.digest, format);
  }
});

t.test("a folder, and a cpio archive", async (t) => {
  const entries = [{ type: "file", path: "boot/kernel8.img", mode: 0o644, from: { text: "kernel" } }];
  const folder = await assemble(t, {}, { format: "folder", entries });
  t.equal(readFileSync(join(folder.tree, "data/boot/kernel8.img"), "utf8"), "kernel");
  const cpio = await assemble(t, {}, { format: "cpio", entries });
  t.match(
    readFileSync(join(cpio.tree, "data.cpio"), "latin1"),
    /^070701[\s\S]*boot\/kernel8\.img\0[\s\S]*kernel[\s\S]*TRAILER!!!/,
  );
});

t.test("a folder holds links as an archive does", async (t) => {
  const prepare = (folder: string) => symlinkSync("b", join(folder, "assets/link"));
  const entries = [{ type: "tree", path: "app", from: { input: "assets", path: "" } }];
  const { tree, files } = await assemble(t, { assets: { b: "1" } }, { format: "folder", entries }, prepare);
  t.equal(readlinkSync(join(tree, "data/app/link")), "b");
  t.match(
    files.find(({ path }) => path === "app/link"),
    { type: "symlink", target: "b" },
  );
});

t.test("what an input does not have is named", async (t) => {
  const file = (path: string) => ({
    format: "tar",
    entries: [{ type: "file", path: "x", mode: 0o644, from: { input: "packages", path } }],
  });
  for (const path of ["root/usr/bin/none", "root/usr/lib/none-*.ko", "root/usr/lib/*.ko", "../../secret"]) {
    const failing = assemble(t, { packages }, file(path), (folder) => writeFileSync(join(folder, "secret"), ""));
    await t.rejects(failing, { code: "ERR_EDGEIMG_IMAGE_FILE", message: `${path} is not in packages.` }, path);
  }
});

t.test("links in an input are followed, but not out of it", async (t) => {
  const file = (path: string) => ({
    format: "folder",
    entries: [{ type: "file", path: "x", mode: 0o644, from: { input: "data", path } }],
  });
  const prepare = (folder: string) => {
    symlinkSync("inner", join(folder, "data/link"));
    symlinkSync("/etc/passwd", join(folder, "data/evil"));
  };
  const good = await assemble(t, { data: { inner: "content" } }, file("link"), prepare);
  t.equal(readFileSync(join(good.tree, "data/x"), "utf8"), "content");
  await t.rejects(assemble(t, { data: { inner: "" } }, file("evil"), prepare), { code: "ERR_EDGEIMG_IMAGE_FILE" });
});

t.test("paths that are none within an image are a bug of the plan", async (t) => {
  for (const path of ["/etc/x", "a/../b", "", "a//b", "./a"]) {
    const entries = [{ type: "file", path, mode: 0o644, from: { text: "" } }];
    await t.rejects(assemble(t, {}, { format: "folder", entries }), {
      message: `"${path}" is no path within an image`,
    });
  }
});

const elf = (needed: readonly string[], more: { machine?: number; interpreter?: string } = {}) =>
  makeElf({ bits: 64, machine: 183, ...more, dynamic: needed.map((name) => [1, name] as const) });

const closure = {
  machine: 183,
  loaderFolder: "usr/lib",
  folders: [
    { input: "engine", path: "usr/lib", target: "usr/lib/edgeimg" },
    { input: "system", path: "root/usr/lib/multi", target: "usr/lib/multi" },
  ],
};
const program = { type: "file", path: "usr/bin/run", mode: 0o755, from: { input: "app", path: "run" } };

t.test("what is added to the image later counts for the libraries, and is not laid here", async (t) => {
  const also = [{ type: "tree", path: "app/assets", from: { input: "assets", path: "" } }];
  const { files } = await assemble(
    t,
    {
      assets: { tool: elf(["libc.so.6", "libown.so"]), "libown.so": elf([]) },
      app: { run: elf([]) },
      engine: { usr: { lib: {} } },
      system: { root: { usr: { lib: { multi: { "libc.so.6": elf([]) } } } } },
    },
    { format: "tar", entries: [program], closure: { ...closure, also } },
  );
  t.same(
    files.flatMap(({ path, type, neededBy }) => (type === "file" ? [[path, neededBy]] : [])),
    [
      ["usr/bin/run", undefined],
      ["usr/lib/multi/libc.so.6", "app/assets/tool"],
    ],
  );
});

t.test("libraries follow from the files that need them, and theirs", async (t) => {
  const { files } = await assemble(
    t,
    {
      app: {
        run: elf(["libengine.so.1", "libc.so.6"], { interpreter: "/lib/ld-linux-aarch64.so.1" }),
        script: "#!/bin/sh",
      },
      engine: { usr: { lib: { "libengine.so.1": elf(["libm.so.6", "libc.so.6"]), "libunused.so": elf([]) } } },
      system: {
        root: {
          usr: {
            lib: {
              multi: {
                "libc-2.41.so": elf(["ld-linux-aarch64.so.1"]),
                "libm.so.6": elf(["libc.so.6"]),
                "ld-linux-aarch64.so.1": elf([]),
              },
            },
          },
        },
        "owners.json": JSON.stringify({ "usr/lib/multi/libc-2.41.so": "libc6.deb" }),
      },
    },
    {
      format: "tar",
      entries: [program, { ...program, path: "usr/bin/script", from: { input: "app", path: "script" } }],
      closure,
    },
    (folder) => symlinkSync("libc-2.41.so", join(folder, "system/root/usr/lib/multi/libc.so.6")),
  );
  t.same(
    files
      .filter(({ neededBy }) => neededBy !== undefined)
      .map(({ path, input, neededBy, package: name }) => [path, input, neededBy, name]),
    [
      ["usr/lib/edgeimg/libengine.so.1", "engine", "usr/bin/run", undefined],
      ["usr/lib/ld-linux-aarch64.so.1", "system", "usr/bin/run", undefined],
      ["usr/lib/multi/libc-2.41.so", "system", "usr/bin/run", "libc6.deb"],
      ["usr/lib/multi/libc.so.6", "system", "usr/bin/run", "libc6.deb"],
      ["usr/lib/multi/libm.so.6", "system", "usr/lib/edgeimg/libengine.so.1", undefined],
    ],
  );
});

t.test("a library that nobody has, and one for another machine", async (t) => {
  const none = { engine: {}, system: {} };
  await t.rejects(
    assemble(t, { ...none, app: { run: elf(["libnone.so.3"]) } }, { format: "tar", entries: [program], closure }),
    {
      code: "ERR_EDGEIMG_IMAGE_LIBRARY",
      message: "usr/bin/run needs libnone.so.3, which no package or recipe of this image provides.",
      hint: /packages/,
    },
  );
  await t.rejects(
    assemble(t, { ...none, app: { run: elf([], { machine: 62 }) } }, { format: "tar", entries: [program], closure }),
    {
      code: "ERR_EDGEIMG_IMAGE_LIBRARY",
      message: "usr/bin/run is for another machine (ELF machine 62, the board has 183).",
    },
  );
});

t.test(
  "a library is in an image once: a link stays a link, be its file from a package that is there whole",
  async (t) => {
    const system = {
      root: { usr: { lib: { multi: { "libcxx.so.6.0.33": elf([]), "libc-2.41.so": elf([]) } } } },
      "owners.json": JSON.stringify({ "usr/lib/multi/libcxx.so.6.0.33": "libcxx6_1_arm64.deb" }),
    };
    const extra = { root: { usr: { lib: { multi: { "libcxx.so.6.0.33": elf([]), "libgone.so.1": elf([]) } } } } };
    const { files, unpack } = await assemble(
      t,
      { app: { run: elf(["libcxx.so.6", "libc.so.6", "libgone.so"]) }, engine: {}, system, extra },
      {
        format: "tar",
        entries: [
          program,
          { type: "tree", path: "", from: { input: "extra", path: "root" }, exclude: ["**/libgone.so.1"] },
        ],
        closure: {
          ...closure,
          folders: [{ input: "extra", path: "root/usr/lib/multi", target: "usr/lib/multi" }, ...closure.folders],
        },
      },
      (folder) => {
        symlinkSync("libcxx.so.6.0.33", join(folder, "system/root/usr/lib/multi/libcxx.so.6"));
        symlinkSync("libcxx.so.6.0.33", join(folder, "extra/root/usr/lib/multi/libcxx.so.6"));
        symlinkSync("libc-2.41.so", join(folder, "system/root/usr/lib/multi/libc.so.6"));
        symlinkSync("libgone.so.1", join(folder, "extra/root/usr/lib/multi/libgone.so"));
      },
    );
    t.same(
      files
        .filter(({ path }) => /^usr.lib.multi./.test(String(path)))
        .map(({ path, type, target }) => [path, type, target]),
      [
        ["usr/lib/multi/libc-2.41.so", "file", undefined],
        ["usr/lib/multi/libc.so.6", "symlink", "libc-2.41.so"],
        ["usr/lib/multi/libcxx.so.6", "symlink", "libcxx.so.6.0.33"],
        ["usr/lib/multi/libcxx.so.6.0.33", "file", undefined],
        ["usr/lib/multi/libgone.so", "symlink", "libgone.so.1"],
        // A link that leads to nothing provides nothing: the file that was left out comes back for the program.
        ["usr/lib/multi/libgone.so.1", "file", undefined],
      ],
    );
    t.equal(readlinkSync(join(unpack(), "usr/lib/multi/libcxx.so.6")), "libcxx.so.6.0.33");
  },
);

t.test("of packages that come along, some files stay out, and no empty folder of them remains", async (t) => {
  const extra = {
    root: {
      usr: {
        lib: { gconv: { "A.so": "" }, "libx.so.1": "" },
        share: { doc: { x: { copyright: "" } }, x: { data: "" } },
      },
    },
    "owners.json": JSON.stringify({
      "usr/lib/gconv/A.so": "libc6_2.41_arm64.deb",
      "usr/lib/libx.so.1": "libx_1_arm64.deb",
    }),
  };
  const tree = (packages: readonly string[]) => ({
    format: "tar",
    entries: [
      {
        type: "tree",
        path: "",
        from: { input: "extra", path: "root" },
        exclude: ["usr/share/doc/**"],
        onlyFrom: { packages, files: ["usr/lib/gconv/**"] },
      },
    ],
  });
  const paths = async (packages: readonly string[]) =>
    (await assemble(t, { extra }, tree(packages))).files.map(({ path }) => path);
  const always = ["usr", "usr/lib", "usr/lib/libx.so.1", "usr/share", "usr/share/x", "usr/share/x/data"];
  t.same(await paths(["x-utils", "libc"]), always);
  t.same(await paths(["x-utils", "libc6"]), [...always, "usr/lib/gconv", "usr/lib/gconv/A.so"].sort());
});

t.test("a folder keeps its links", async (t) => {
  const { tree } = await assemble(
    t,
    { app: { main: "app" } },
    { format: "folder", entries: [{ type: "tree", path: "app", from: { input: "app", path: "" } }] },
    (folder) => symlinkSync("main", join(folder, "app/alias")),
  );
  t.equal(readlinkSync(join(tree, "data/app/alias")), "main");
});

const kernel: Folder = {
  root: { lib: { modules: { "6.1": { net: { "a-driver.ko.xz": "a", "b.ko.xz": "b" }, "c.ko.xz": "c" } } } },
  "owners.json": JSON.stringify({ "lib/modules/6.1/net/b.ko.xz": "linux-image_6.1_arm64.deb" }),
};
const moduleList: Folder = {
  "modules.json": JSON.stringify({
    release: "6.1",
    modules: {
      a_driver: { path: "net/a-driver.ko.xz", needs: ["b", "built"], before: [] },
      b: { path: "net/b.ko.xz", needs: [], before: [] },
      c: { path: "c.ko.xz", needs: ["gone"], before: [] },
    },
    builtin: ["built"],
  }),
};
const modulesOf = (wanted: readonly string[], loaded: readonly string[] = []) => ({
  format: "tar",
  entries: [
    {
      type: "modules",
      path: "usr/lib/modules",
      list: "etc/modules",
      from: { input: "kernel", path: "root/lib/modules" },
      index: "list",
      wanted,
      loaded,
    },
  ],
});

t.test("modules come with those that they need, and a list in load order", async (t) => {
  const { files, unpack } = await assemble(t, { kernel, list: moduleList }, modulesOf(["a-driver"]));
  t.same(
    files.filter(({ type }) => type === "file").map(({ path, input, package: name }) => [path, input, name]),
    [
      ["etc/modules", "edgeimg", undefined],
      ["usr/lib/modules/a-driver.ko.xz", "kernel", undefined],
      ["usr/lib/modules/b.ko.xz", "kernel", "linux-image_6.1_arm64.deb"],
    ],
  );
  t.equal(readFileSync(join(unpack(), "etc/modules"), "utf8"), "b.ko.xz\na-driver.ko.xz\n");
  const rest = await assemble(t, { kernel, list: moduleList }, modulesOf(["a_driver"], ["b"]));
  t.equal(readFileSync(join(rest.unpack(), "etc/modules"), "utf8"), "a-driver.ko.xz\n");
});

t.test("a module that the kernel lacks ends the build: one that is wanted, and one that another needs", async (t) => {
  await t.rejects(assemble(t, { kernel, list: moduleList }, modulesOf(["b", "a-drivr"])), {
    code: "ERR_EDGEIMG_IMAGE_MODULE",
    message: 'The kernel 6.1 has no module "a-drivr".',
    hint: /^Did you mean "a_driver"\? Correct the name in the board file/,
    subject: "a-drivr",
  });
  await t.rejects(assemble(t, { kernel, list: moduleList }, modulesOf(["c"])), {
    code: "ERR_EDGEIMG_IMAGE_MODULE",
    message: 'The kernel 6.1 lacks the module "gone".',
    details: ["c needs gone"],
  });
});
