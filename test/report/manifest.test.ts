import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { execute } from "../../src/execute/execute.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { treePath } from "../../src/store/store.js";
import { walk } from "../../src/store/tree.js";
import { testPlan, testServices } from "../helpers/services.js";

const file = (path: string, size: number, more: object = {}) => ({
  path,
  type: "file",
  mode: 0o644,
  size,
  sha256: sha256Text(path),
  ...more,
});
const listing = (...files: object[]) => ({ "files.json": JSON.stringify(files) });
const deb = (name: string, version: string) => ({
  purl: `pkg:deb/debian/${name}@${version}?arch=arm64`,
  name,
  version,
  sha256: sha256Text(name),
  need: `asked for ${name}`,
});

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: LGPL-2.1+
 text
Files: x
License: GPL-2+

License: LGPL-2.1+
`;

const inputs = {
  boot: listing(file("kernel8.img", 900, { input: "image", package: "linux_1_arm64.deb" })),
  initramfs: listing(file("init", 30, { input: "init", mode: 0o755 })),
  rootfs: listing(
    { path: "usr", type: "directory", mode: 0o755, size: 0 },
    { path: "usr/link", type: "symlink", mode: 0o777, size: 0, target: "lib" },
    file("usr/lib/libc.so.6", 500, { input: "packages", package: "libc6_2_arm64.deb", neededBy: "usr/bin/edge-run" }),
    file("usr/lib/edgeimg/libengine.so", 400, { input: "engine" }),
    file("app/main.qjb", 10, { input: "bytecode" }),
    file("models/det/x", 20, { input: "model/det" }),
  ),
  disk: { "card.img": "image bytes" },
  rootImage: { "root.img": "root bytes" },
  packages: { root: { usr: { share: { doc: { libc6: { copyright } } } } } },
  sysroot: {
    root: { usr: { share: { doc: { libz: { copyright: "Some prose.\n" } } } } },
    "owners.json": JSON.stringify({ "usr/lib/libz.a": "libz_3_arm64.deb", "usr/lib/libother.a": "other.deb" }),
  },
};

const params = {
  name: "card",
  project: "toy",
  board: "some-board",
  engine: { name: "engine", version: "9" },
  distribution: { name: "debian-13", date: "Sat, 14 Nov 2026 10:00:00 UTC" },
  components: {
    engine: {
      name: "engine",
      version: "9",
      license: "BSD-3-Clause",
      purl: "pkg:pypi/engine@9",
      sha256: "e",
      need: "engine",
    },
    bytecode: { name: "toy", version: "0", license: "LicenseRef-project", need: "app" },
    bundle: { name: "toy", version: "0", license: "LicenseRef-project", need: "app" },
    init: { name: "edgeimg-init", version: "0.1.0", license: "MIT", need: "init" },
  },
  debs: {
    "libc6_2_arm64.deb": deb("libc6", "2"),
    "linux_1_arm64.deb": deb("linux", "1"),
    "libz_3_arm64.deb": deb("libz", "3"),
    "unused_1_arm64.deb": deb("unused", "1"),
  },
  static: { input: "sysroot", paths: ["usr/lib/libz.a"] },
  sources: [{ purl: "pkg:pypi/engine@9", file: "engine-9.tgz", sha256: "e" }],
};

t.test("the manifest says what each file is, from where and under which licence", async (t) => {
  const folder = t.testdir({ cache: {}, inputs });
  const services = await testServices(join(folder, "cache"));
  const names = Object.keys(inputs);
  const plan = testPlan([
    ...names.map((name) => ({ id: name, kind: "local", params: { path: join(folder, "inputs", name) } })),
    { id: "report", kind: "report", inputs: Object.fromEntries(names.map((name) => [name, name])), params },
  ]);
  const tree = treePath(services.store, (await execute(plan, ["report"], services)).get("report")?.digest ?? "");
  t.same([...walk(tree, "")], ["manifest.json", "sizes.html", "sizes.txt"]);
  const manifest = JSON.parse(readFileSync(join(tree, "manifest.json"), "utf8"));

  t.match(manifest, {
    format: 1,
    project: "toy",
    board: "some-board",
    image: { file: "card.img", bytes: 11, sha256: sha256Text("image bytes") },
    root: { bytes: 10, sha256: sha256Text("root bytes") },
  });
  t.same(manifest.files, [
    {
      part: "boot",
      path: "kernel8.img",
      type: "file",
      mode: "0644",
      size: 900,
      sha256: sha256Text("kernel8.img"),
      package: "linux",
      version: "1",
      license: "see copyright file",
    },
    {
      part: "initramfs",
      path: "init",
      type: "file",
      mode: "0755",
      size: 30,
      sha256: sha256Text("init"),
      package: "edgeimg-init",
      version: "0.1.0",
      license: "MIT",
    },
    { part: "root", path: "usr", type: "directory", mode: "0755", size: 0 },
    { part: "root", path: "usr/link", type: "symlink", mode: "0777", size: 0, target: "lib" },
    {
      part: "root",
      path: "usr/lib/libc.so.6",
      type: "file",
      mode: "0644",
      size: 500,
      sha256: sha256Text("usr/lib/libc.so.6"),
      package: "libc6",
      version: "2",
      license: "GPL-2+, LGPL-2.1+",
      neededBy: "usr/bin/edge-run",
    },
    {
      part: "root",
      path: "usr/lib/edgeimg/libengine.so",
      type: "file",
      mode: "0644",
      size: 400,
      sha256: sha256Text("usr/lib/edgeimg/libengine.so"),
      package: "engine",
      version: "9",
      license: "BSD-3-Clause",
    },
    {
      part: "root",
      path: "app/main.qjb",
      type: "file",
      mode: "0644",
      size: 10,
      sha256: sha256Text("app/main.qjb"),
      package: "toy",
      version: "0",
      license: "LicenseRef-project",
    },
    {
      part: "root",
      path: "models/det/x",
      type: "file",
      mode: "0644",
      size: 20,
      sha256: sha256Text("models/det/x"),
      package: "model/det",
      version: "",
      license: "see the model's source",
    },
  ]);
  const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);
  t.same(namesOf(manifest.packages), ["libc6", "linux"], "packages that no file is from are left out");
  t.same(manifest.linked, [{ ...deb("libz", "3"), license: "see copyright file" }]);
  t.same(namesOf(manifest.components), ["engine", "toy", "edgeimg-init"], "each once");
  t.equal(manifest.inputs.length, 5, "every package and source that the build reads");
  t.match(readFileSync(join(tree, "sizes.txt"), "utf8"), /^ +1860 +all, before compression$/m);
});
