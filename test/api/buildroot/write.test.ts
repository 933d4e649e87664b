import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { checkBuildroot } from "../../../src/api/buildroot/check.js";
import { chooseAll, readBuildroot, readReleases, requireFreeNames } from "../../../src/api/buildroot/write.js";
import type { BuildEvent } from "../../../src/ground/events.js";
import { testContext } from "../../helpers/image-request.js";
import { home, treeOf, treeRequest } from "../../helpers/tree-request.js";

const folder = t.testdir({
  empty: {},
  old: { Makefile: "export BR2_VERSION := 2024.02.1\n" },
  other: { Makefile: "all:\n" },
  taken: { Makefile: "export BR2_VERSION := 2026.05\n", package: { llhttp: { "llhttp.mk": "" } } },
});
const releases = await readReleases(home);
const options = { matrix: false, offline: true, locked: false };

await t.test("a folder that is not Buildroot, or too old a release", async (t) => {
  for (const name of ["empty", "other", "missing"])
    await t.rejects(readBuildroot(join(folder, name), releases), {
      code: "ERR_EDGEIMG_BUILDROOT_FOLDER",
      hint: /--buildroot/,
    });
  await t.rejects(readBuildroot(join(folder, "old"), releases), {
    code: "ERR_EDGEIMG_BUILDROOT_RELEASE",
    message: /2024\.02\.1 is too old/,
  });
  t.match(await readBuildroot(join(folder, "taken"), releases), { release: "2026.05", series: { name: "2026.05" } });
});

await t.test("a package name that Buildroot already has", async (t) => {
  const files = treeOf(await treeRequest(join(folder, "empty"), { boards: ["rpi4"], engines: ["ncnn"] }));
  await requireFreeNames(join(folder, "other"), files);
  await t.rejects(requireFreeNames(join(folder, "taken"), files), {
    code: "ERR_EDGEIMG_BUILDROOT_PACKAGE",
    message: /llhttp/,
    details: [/package\/llhttp\/llhttp\.mk/],
  });
});

await t.test(
  "boards: several by a list, all by --matrix, unknown ones and ones without data for Buildroot refused",
  async (t) => {
    const context = testContext(join(folder, "empty"));
    const chosen = await chooseAll(context, { ...options, board: "rpi4,rock-pi-4", engine: "ncnn" });
    t.same(
      chosen.boards.map(({ name }) => name),
      ["rpi4", "rock-pi-4"],
    );
    const all = await chooseAll(context, { ...options, matrix: true });
    t.ok(all.boards.length >= 7 && all.engines.length >= 2);
    await t.rejects(chooseAll(context, { ...options, board: "rpi44", engine: "ncnn" }), {
      code: "ERR_EDGEIMG_UNKNOWN_NAME",
      hint: /rpi4/,
    });
    const own = join(folder, "own");
    mkdirSync(join(own, "board-configs"), { recursive: true });
    cpSync(join(home, "examples/reader/edgeimg.yaml"), join(own, "edgeimg.yaml"));
    const known = readFileSync(join(home, "board-configs/qemu-a53.yaml"), "utf8");
    writeFileSync(
      join(own, "board-configs/bare.yaml"),
      known.replace("name: qemu-a53", "name: bare").replace(/^buildroot:[\s\S]*/m, ""),
    );
    await t.rejects(chooseAll(testContext(own), { ...options, board: "bare", engine: "ncnn" }), {
      code: "ERR_EDGEIMG_CATALOG_INVALID",
      message: /no image for bare/,
      details: [/no part `buildroot`/],
    });
  },
);

await t.test("an engine of Debian packages: refused by name, and left out of all engines", async (t) => {
  const own = join(folder, "packaged");
  cpSync(join(home, "test/fixtures/engines/packaged"), join(own, "recipes/engines/packaged"), { recursive: true });
  cpSync(join(home, "examples/reader/edgeimg.yaml"), join(own, "edgeimg.yaml"));
  const context = testContext(own);
  await t.rejects(chooseAll(context, { ...options, board: "rpi4", engine: "packaged" }), {
    code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    message: /Debian's packages/,
    hint: /another engine: .*ncnn/,
  });
  const all = await chooseAll(context, { ...options, matrix: true });
  const names = all.engines.map(({ recipe }) => recipe.name);
  t.ok(names.includes("ncnn"));
  t.notOk(names.includes("packaged"));
});

const release = process.env.EDGEIMG_BUILDROOT;
await t.test(
  "a release's own kconfig takes every line, and an option that it does not know is told",
  release === undefined ? { skip: "EDGEIMG_BUILDROOT names no Buildroot release" } : {},
  async (t) => {
    const own = join(folder, "project");
    mkdirSync(join(own, "board-configs"), { recursive: true });
    cpSync(join(home, "examples/reader/edgeimg.yaml"), join(own, "edgeimg.yaml"));
    const events: BuildEvent[] = [];
    const context = { ...testContext(own), env: process.env, emit: (event: BuildEvent) => void events.push(event) };
    const check = (board: string) =>
      checkBuildroot(context, { ...options, board, engine: "ncnn", buildroot: release, legalInfo: false });
    const result = await check("qemu-a72");
    t.match(result.combinations, [{ board: "qemu-a72", engine: "ncnn", lost: [], added: [] }]);
    t.ok((result.combinations[0]?.sources ?? 0) > 20, "external-deps names the sources");
    const known = readFileSync(join(home, "board-configs/qemu-a72.yaml"), "utf8");
    writeFileSync(
      join(own, "board-configs/odd.yaml"),
      `${known.replace("name: qemu-a72", "name: odd")}  options: { BR2_NOT_A_SYMBOL: true }\n`,
    );
    await t.rejects(check("odd"), {
      code: "ERR_EDGEIMG_BUILDROOT_OPTION",
      details: ["odd with ncnn: BR2_NOT_A_SYMBOL=y"],
    });
    t.notOk(existsSync(join(own, "out")), "check writes nothing into the project");
  },
);
