import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { execute } from "../../src/execute/execute.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { provenanceGraph } from "../../src/plan/provenance.js";
import { treePath } from "../../src/store/store.js";
import { walk } from "../../src/store/tree.js";
import { testPlan, testServices } from "../helpers/services.js";

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
const prose = "It is free software; see /usr/share/common-licenses/GPL-2.\n";

const inputs = {
  packages: {
    root: {
      usr: {
        bin: { busybox: "shell, large enough to be the most" },
        lib: { "libc.so.6": "library", "libz.a": "archive" },
        share: { doc: { libc6: { copyright }, busybox: { copyright: prose }, libz: { copyright: "Some prose.\n" } } },
      },
    },
    "owners.json": JSON.stringify({
      "usr/bin/busybox": "busybox_1_arm64.deb",
      "usr/lib/libc.so.6": "libc6_2_arm64.deb",
      "usr/lib/libz.a": "libz_3_arm64.deb",
    }),
  },
  init: { init: "script" },
  tools: { pack: '#!/bin/sh\nwhile read -r line; do echo "$line"; done\n' },
  disk: { "card.img": "image bytes" },
  rootImage: { "root.img": "root bytes" },
};
/** What the step that quantizes a model tells of it, but for its layers. */
const quantized = {
  of: { model: "a".repeat(64), calibration: "b".repeat(64) },
  settings: {
    ...{ weights: 8, scales: "channel", codes: "symmetric", powers: false, equalize: false, correct: "none" },
    ...{ method: "kl", keep: ["Conv_0"] },
  },
};
const file = (path: string, input: string, from: string) => ({
  type: "file",
  path,
  mode: 0o644,
  from: { input, path: from },
});

t.test("the manifest says what each file is made of, through every step that it went through", async (t) => {
  const folder = t.testdir({ cache: {}, inputs });
  chmodSync(join(folder, "inputs/tools/pack"), 0o755);
  const services = await testServices(join(folder, "cache"));
  const init = { kind: "recipe", name: "edgeimg-init", version: "0.1.0", license: "MIT", need: "init" } as const;
  const program = { ...init, name: "edgeimg-runtime" };
  const run = { commands: [["in/tools/pack"]], stdout: "out/data" };
  const steps = testPlan([
    ...Object.keys(inputs).map((name) => ({ id: name, kind: "local", params: { path: join(folder, "inputs", name) } })),
    {
      id: "quantize/m",
      kind: "compose",
      params: {
        parts: [],
        files: {
          "layers.json": JSON.stringify({
            ...quantized,
            bytes: { float: 9, quantized: 3 },
            layers: [],
            floats: [],
            tensors: [],
          }),
        },
      },
    },
    { id: "recipe", kind: "compose", params: { parts: [], files: { main: "program\n" } }, origin: program },
    { id: "scripts", kind: "compose", inputs: { init: "init" }, params: { parts: [{ from: "init" }] }, origin: init },
    {
      id: "initramfs",
      kind: "assemble",
      inputs: { packages: "packages", scripts: "scripts" },
      params: {
        format: "cpio",
        entries: [file("busybox", "packages", "root/usr/bin/busybox"), file("init", "scripts", "init")],
      },
    },
    {
      id: "packed",
      kind: "run",
      inputs: { tools: "tools", from: "initramfs" },
      params: { ...run, stdin: "in/from/files.json" },
      materials: [{ input: "from" }],
    },
    {
      id: "program",
      kind: "run",
      inputs: { tools: "tools", recipe: "recipe", sysroot: "packages" },
      params: { ...run, stdin: "in/recipe/main" },
      materials: [{ input: "recipe" }, { input: "sysroot", paths: ["usr/lib/libz.a"] }],
    },
    {
      id: "boot",
      kind: "assemble",
      inputs: { packed: "packed" },
      params: { format: "folder", entries: [file("initramfs.gz", "packed", "data")] },
    },
    {
      id: "rootfs",
      kind: "assemble",
      inputs: { packages: "packages", program: "program" },
      params: {
        format: "tar",
        entries: [
          { type: "symlink", path: "usr/link", target: "lib" },
          { type: "file", path: "etc/hostname", mode: 0o644, from: { text: "name" } },
          file("usr/bin/edge-run", "program", "data"),
          file("usr/lib/libc.so.6", "packages", "root/usr/lib/libc.so.6"),
        ],
      },
    },
  ]).steps;
  const parts = { boot: ["boot"], initramfs: ["initramfs"], root: ["rootfs"] };
  const graph = provenanceGraph(new Map(steps.map((step) => [step.id, step])), Object.values(parts).flat());
  const report = {
    id: "report",
    kind: "report",
    inputs: {
      ...Object.fromEntries(["disk", "rootImage", "packages", ...graph.reads].map((id) => [id, id])),
      "quantized/m": "quantize/m",
    },
    params: {
      name: "card",
      project: "toy",
      board: "some-board",
      engine: { name: "engine", version: "9" },
      distribution: { name: "debian-13", date: "Sat, 14 Nov 2026 10:00:00 UTC" },
      quantized: ["m"],
      parts,
      // The tree of a root, made by hand here.
      provenance: { ...graph.nodes, packages: { from: "packages", input: "packages" } },
      frame: { ...init, name: "edgeimg" },
      debs: {
        "busybox_1_arm64.deb": deb("busybox", "1"),
        "libc6_2_arm64.deb": deb("libc6", "2"),
        "libz_3_arm64.deb": deb("libz", "3"),
        "unused_1_arm64.deb": deb("unused", "1"),
      },
      sources: [{ purl: "pkg:pypi/engine@9", file: "engine-9.tgz", sha256: "e" }],
    },
  };
  const plan = testPlan([...steps, report]);
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
  t.same(
    manifest.quantized,
    { m: { ...quantized.of, settings: quantized.settings } },
    "what a model was quantized from",
  );
  const rows = manifest.files.flatMap((one: Record<string, unknown>) =>
    one.type === "directory" ? [] : [[one.part, one.path, one.package, one.version, one.license, one.contains]],
  );
  t.same(rows, [
    ["boot", "initramfs.gz", "busybox", "1", "GPL-2", ["busybox", "edgeimg-init"]],
    ["initramfs", "busybox", "busybox", "1", "GPL-2", undefined],
    ["initramfs", "init", "edgeimg-init", "0.1.0", "MIT", undefined],
    ["root", "etc/hostname", "edgeimg", "0.1.0", "MIT", undefined],
    ["root", "usr/bin/edge-run", "edgeimg-runtime", "0.1.0", "MIT", ["edgeimg-runtime", "libz"]],
    ["root", "usr/lib/libc.so.6", "libc6", "2", "GPL-2+, LGPL-2.1+", undefined],
    ["root", "usr/link", undefined, undefined, undefined, undefined],
  ]);
  const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();
  t.same(namesOf(manifest.packages), ["busybox", "libc6"], "packages that no file is from are left out");
  t.match(manifest.linked, [{ ...deb("libz", "3"), license: "see copyright file" }]);
  t.same(namesOf(manifest.components), ["edgeimg", "edgeimg-init", "edgeimg-runtime"], "each once");
  t.equal(manifest.inputs.length, 5, "every package and source that the build reads");
  t.match(readFileSync(join(tree, "sizes.txt"), "utf8"), /all, before compression$/m);
});

t.test("a step that runs tools says what its result is made of", async (t) => {
  const steps = testPlan([
    { id: "tools", kind: "local", params: {} },
    { id: "made", kind: "run", inputs: { tools: "tools" }, params: {} },
  ]).steps;
  t.throws(() => provenanceGraph(new Map(steps.map((step) => [step.id, step])), ["made"]), /made does not say/);
});
