import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { writeTree } from "../../../src/api/buildroot/write-tree.js";
import { marker } from "../../../src/builders/buildroot/names.js";
import { copyOf, textFile } from "../../../src/builders/buildroot/tree-file.js";

const folder = t.testdir({ "image.png": "PNG" });
const tree = join(folder, "tree");
const files = [
  textFile("a.mk", `${marker}\none\n`),
  textFile("run.sh", `#!/bin/sh\n${marker}\n`, { executable: true }),
  copyOf("src/image.png", join(folder, "image.png")),
  textFile("own/Config.in", "# Yours\n", { once: true }),
];
const at = (path: string) => join(tree, path);

await t.test("writes everything, and nothing the second time", async (t) => {
  t.match(await writeTree(tree, files), { written: 4, kept: [], removed: [] });
  t.equal(statSync(at("run.sh")).mode & 0o777, 0o755);
  t.match(await writeTree(tree, files), { written: 0, kept: [], removed: [] });
});

await t.test("a generated file that was changed is written again", async (t) => {
  writeFileSync(at("a.mk"), `${marker}\nsomething else\n`);
  chmodSync(at("run.sh"), 0o644);
  t.match(await writeTree(tree, files), { written: 2 });
  t.equal(readFileSync(at("a.mk"), "utf8"), `${marker}\none\n`);
  t.equal(statSync(at("run.sh")).mode & 0o777, 0o755);
});

await t.test("a file whose first line was taken out is the user's, from then on", async (t) => {
  writeFileSync(at("a.mk"), "mine\n");
  for (const _ of [1, 2]) {
    t.match(await writeTree(tree, files), { written: 0, kept: ["a.mk"] });
    t.equal(readFileSync(at("a.mk"), "utf8"), "mine\n");
  }
});

await t.test("a copy that was changed is the user's as well", async (t) => {
  writeFileSync(at("src/image.png"), "my picture");
  t.match(await writeTree(tree, files), { kept: ["a.mk", "src/image.png"] });
});

await t.test("files for the user are made once", async (t) => {
  writeFileSync(at("own/Config.in"), 'source "mine"\n');
  t.match(await writeTree(tree, files), { written: 0 });
  t.equal(readFileSync(at("own/Config.in"), "utf8"), 'source "mine"\n');
});

await t.test("what the tree no longer has goes, files beside it stay", async (t) => {
  writeFileSync(at("notes.txt"), "mine");
  t.match(await writeTree(tree, files.slice(0, 1)), { removed: ["run.sh"], kept: ["a.mk"] });
  t.notOk(existsSync(at("run.sh")));
  t.ok(existsSync(at("notes.txt")));
});

await t.test("somebody else's files in the way: nothing is written", async (t) => {
  const other = join(folder, "other");
  mkdirSync(other);
  writeFileSync(join(other, "a.mk"), "not of edgeimg\n");
  await t.rejects(writeTree(other, files), { code: "ERR_EDGEIMG_BUILDROOT_OWN_FILE", details: ["a.mk"] });
  t.notOk(existsSync(join(other, "run.sh")));
});

await t.test("an index that names files outside of the tree removes none of them", async (t) => {
  const victim = join(folder, "victim");
  writeFileSync(victim, `${marker}\n`);
  const evil = join(folder, "evil");
  mkdirSync(evil);
  writeFileSync(join(evil, "generated.sha256"), `${"0".repeat(64)}  ../victim\n${"0".repeat(64)}  ${victim}\n`);
  await writeTree(evil, files);
  t.ok(existsSync(victim));
  rmSync(evil, { recursive: true });
});
