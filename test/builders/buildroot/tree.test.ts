import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { compareConfig } from "../../../src/builders/buildroot/compare-config.js";
import { helpText, isMarked, upper } from "../../../src/builders/buildroot/names.js";
import { releaseOf, seriesFor } from "../../../src/builders/buildroot/releases.js";
import { downloadOf } from "../../../src/builders/buildroot/sources.js";
import { planImage } from "../../../src/builders/debian/plan-image.js";
import { buildersOf } from "../../../src/catalog/builders.js";
import { loadCatalog } from "../../../src/catalog/catalog.js";
import { buildrootName } from "../../../src/catalog/recipe.js";
import { fetchedEngines, inventedLock, requestFor } from "../../helpers/image-request.js";
import { home, treeOf, treeRequest } from "../../helpers/tree-request.js";

const catalog = await loadCatalog(home, undefined);
const boards = [...catalog.boards.values()].flatMap((board) =>
  buildersOf(board).includes("buildroot") ? [board.name] : [],
);
const engines = await fetchedEngines();
const whole = await treeRequest(t.testdir(), { boards, engines });
const files = treeOf(whole);
const text = (path: string) => {
  const file = files.find((one) => one.path === path);
  return file?.from === "text" ? file.text : "";
};

t.test("every board with every engine has a defconfig, and every board its files", async (t) => {
  for (const board of boards) {
    for (const engine of engines) t.ok(text(`configs/edgeimg_${board}_${engine}_defconfig`), `${board} ${engine}`);
    t.match(text(`board/${board}/genimage.cfg`), /image sdcard\.img/, board);
  }
});

t.test("generated files say so in their first lines, but for those whose readers know no comments", async (t) => {
  const bare = /rootfs-overlay\/|\/boot\/(cmdline\.txt|config\.txt|.*extlinux\.conf)$/;
  for (const file of files) {
    if (file.from !== "text" || file.once || bare.test(file.path)) continue;
    t.ok(isMarked(file.text), file.path);
  }
});

t.test("an engine's package is the recipe's data", async (t) => {
  for (const { recipe } of whole.engines) {
    const name = buildrootName(recipe);
    const mk = text(`package/${name}/${name}.mk`);
    if (recipe.build.kind === "packages") {
      t.equal(mk, "", `${recipe.name} is out of Debian's packages: not for Buildroot`);
      continue;
    }
    const adapter = text("package/edgeimg-adapter/Config.in");
    const choice = `BR2_PACKAGE_EDGEIMG_ADAPTER_${upper(recipe.name)}`;
    if (recipe.build.kind === "adapter") {
      t.equal(mk, "", `${recipe.name} is compiled into its adapter`);
      t.match(adapter, `config ${choice}\n`);
      t.notMatch(adapter, `if ${choice}\n`, "nothing is built before it");
      for (const library of recipe.adapter.uses) {
        t.match(text("package/edgeimg-adapter/edgeimg-adapter.mk"), `${library}/src/`);
        t.ok(files.some(({ path }) => path.startsWith(`package/edgeimg-adapter/src/${library}/src/`)));
      }
      continue;
    }
    t.match(mk, recipe.version);
    t.match(mk, `\n${upper(name)}_VERSION = `);
    t.match(
      adapter,
      new RegExp(`config ${choice}\\n(?:\\t.*\\n)*\\tselect BR2_PACKAGE_${upper(name)}\\n`),
      recipe.name,
    );
    t.match(adapter, `default "${name}" if ${choice}\n`, "it is built before the adapter");
    t.match(text(`package/${name}/${name}.hash`), recipe.sources.main?.sha256 ?? "?");
    if (recipe.build.kind !== "cmake") continue;
    for (const key of Object.keys(recipe.build.options)) t.match(mk, `-D${key}=`);
  }
});

t.test("an engine whose name Buildroot has for a package of its own has another one in the tree", async (t) => {
  const renamed = whole.engines.filter(({ recipe }) => buildrootName(recipe) !== recipe.name);
  t.ok(renamed.length > 0);
  for (const { recipe } of renamed) {
    t.same(
      files.filter(({ path }) => path.startsWith(`package/${recipe.name}/`)),
      [],
    );
    t.match(text("Config.in"), `package/${buildrootName(recipe)}/Config.in`);
  }
});

t.test("the builders agree on ssh: the server goes by `system.ssh.server`, its keys by what is listed", async (t) => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me";
  const cases = [
    { yaml: "", server: true, keys: "" },
    { yaml: `system: { ssh: { authorizedKeys: ["${key}"] } }\n`, server: true, keys: `${key}\n` },
    { yaml: "system: { ssh: { server: false } }\n", server: false, keys: "" },
  ];
  for (const { yaml, server, keys } of cases) {
    const name = yaml.trim() || "nothing said";
    const request = await requestFor(t.testdir(), {
      board: "rpi4",
      engine: "ncnn",
      text: `format: 1\nname: x\nboard: rpi4\nengine: ncnn\napp: { entry: main.ts }\n${yaml}`,
    });
    const tree = treeOf({ ...whole, project: request.project });
    const ofTree = (path: string) => {
      const file = tree.find((one) => one.path === path);
      return file?.from === "text" ? file.text : "";
    };
    t.equal(/BR2_PACKAGE_DROPBEAR=y/.test(ofTree("configs/edgeimg_rpi4_ncnn_defconfig")), server, `Buildroot: ${name}`);
    const etc = "board/common/rootfs-overlay/etc";
    t.equal(ofTree(`${etc}/inittab`).includes("/usr/lib/edgeimg/ssh"), server, `Buildroot: ${name}`);
    t.equal(ofTree(`${etc}/edgeimg/authorized_keys`), keys, `Buildroot: ${name}`);

    const rootfs = JSON.stringify(planImage(request, inventedLock(request)).steps.find(({ id }) => id === "rootfs"));
    t.equal(rootfs.includes("usr/sbin/dropbear"), server, `Debian: ${name}`);
    t.equal(rootfs.includes("respawn:/usr/lib/edgeimg/ssh"), server, `Debian: ${name}`);
    t.equal(rootfs.includes("etc/edgeimg/authorized_keys"), keys !== "", `Debian: ${name}`);
  }
});

t.test("a GPT card's root is named by the partition's own UUID, in the layout and on the command line", async (t) => {
  const gpt = whole.boards.filter(({ disk }) => disk.table === "gpt");
  t.ok(gpt.length > 0);
  for (const { name, boot } of gpt) {
    const layout = text(`board/${name}/genimage.cfg`);
    const uuid = /partition root \{[^}]*partition-uuid = "([0-9a-f-]{36})"/.exec(layout)?.[1] ?? "missing";
    t.match(text(`board/${name}/boot/${boot.config}`), `root=PARTUUID=${uuid}`);
    t.notMatch(layout, /disk-signature/);
  }
});

t.test("what a chip reads from fixed places lies before the first partition", async (t) => {
  for (const { name, disk } of whole.boards)
    for (const { offset, buildroot } of disk.raw) {
      t.ok(offset < disk.start, name);
      t.match(text(`board/${name}/genimage.cfg`), `image = "${buildroot}"\n\t\toffset = ${offset}\n`);
    }
});

t.test("series: releases are taken like the newest series that is not newer", async (t) => {
  const { releases } = whole;
  t.equal(seriesFor(releases, "2026.05.1").name, "2026.05");
  t.equal(seriesFor(releases, "2026.08-git").name, "2026.05");
  t.equal(seriesFor(releases, "2025.02.16").name, "2025.02");
  t.equal(seriesFor(releases, "2025.11").name, "2025.02");
  for (const old of ["2024.11.3", "2012.02", "nonsense"])
    t.throws(() => seriesFor(releases, old), { code: "ERR_EDGEIMG_BUILDROOT_RELEASE", hint: /2025\.02/ });
  t.equal(releaseOf("a\nexport BR2_VERSION := 2026.05.1\nb\n"), "2026.05.1");
  t.equal(releaseOf("all:\n\techo BR2_VERSION\n"), undefined);
});

t.test("kconfig's silence is told: lines that it dropped, and lines that it needs", async (t) => {
  const result = compareConfig({
    defconfig:
      '# a comment\nBR2_aarch64=y\nBR2_NOT_A_SYMBOL=y\n# BR2_GONE is not set\n# BR2_THERE is not set\nBR2_NAME="a"\n',
    config: 'BR2_aarch64=y\nBR2_THERE=y\nBR2_NAME="b"\n',
    saved: "BR2_aarch64=y\nBR2_OTHER=y\n",
  });
  t.same(result.lost, ["BR2_NOT_A_SYMBOL=y", "# BR2_THERE is not set", 'BR2_NAME="a"']);
  t.same(result.added, ["BR2_OTHER=y"]);
});

t.test("archives are asked from their registry by its own rule", async (t) => {
  const sha256 = "0".repeat(64);
  const of = (purl: string, file?: string) => downloadOf({ purl, sha256, ...(file === undefined ? {} : { file }) });
  t.match(of("pkg:pypi/ncnn@1.0", "ncnn-1.0.tar.gz"), { site: "$(call qstrip,$(BR2_EDGEIMG_SITE_PYPI))/n/ncnn" });
  t.match(of("pkg:npm/%40a/b@1.0.0"), { site: "$(call qstrip,$(BR2_EDGEIMG_SITE_NPM))/@a/b/-", file: "b-1.0.0.tgz" });
  t.match(of("pkg:cargo/x@1.0", "x-1.0.crate"), {
    site: "$(call qstrip,$(BR2_EDGEIMG_SITE_CARGO))/x",
    file: "x-1.0.crate",
  });
  t.throws(() => of("pkg:maven/a/x@1.0"), { code: "ERR_EDGEIMG_CATALOG_INVALID", hint: /pypi, npm or cargo/ });
});

t.test("help texts fit Buildroot's width", async (t) => {
  for (const line of helpText("word ".repeat(60)).split("\n")) t.match(line, /^\t {2}\S.{0,61}$/);
  for (const { path } of files) {
    if (!path.endsWith("Config.in")) continue;
    for (const line of text(path).split("\n")) t.ok(line.length <= 78 || !line.startsWith("\t  "), `${path}: ${line}`);
  }
});

t.test("no code names a board, an engine or a registry", async (t) => {
  const sources = readdirSync(join(home, "src/builders/buildroot"));
  for (const name of sources) {
    const code = readFileSync(join(home, "src/builders/buildroot", name), "utf8");
    for (const word of [...boards, ...engines])
      t.notOk(new RegExp(`["\`']${word}["\`']`).test(code), `${name}: ${word}`);
    t.notMatch(code, /https?:\/\//, name);
  }
});
