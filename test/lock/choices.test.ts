import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type AptPackage, openChoices } from "../../src/lock/choices.js";

const hello = (version: string): AptPackage => ({
  name: "hello",
  version,
  arch: "arm64",
  path: "pool/h.deb",
  size: 7,
  sha256: "a".repeat(64),
});

/** What is chosen for names in a folder, and whether that was asked for. */
async function choice(folder: string, names: readonly string[], version: string) {
  let asked = false;
  const chosen = await (await openChoices(folder)).of(names, async () => {
    asked = true;
    return [hello(version)];
  });
  return { asked, version: chosen[0]?.version };
}

t.test("what apt chose is kept for as long as its lists stay", async (t) => {
  const folder = t.testdir({ lists: { x_dists_one_InRelease: "Date: today\n", x_Packages: "any" } });
  t.same(await choice(folder, ["a", "b"], "1"), { asked: true, version: "1" });
  t.same(await choice(folder, ["b", "a"], "2"), { asked: false, version: "1" }, "in another run, in another order");
  t.same(await choice(folder, ["a"], "2"), { asked: true, version: "2" }, "other names");
  writeFileSync(join(folder, "lists/x_dists_one_InRelease"), "Date: tomorrow\n");
  t.same(await choice(folder, ["a", "b"], "3"), { asked: true, version: "3" }, "newer lists");
  writeFileSync(join(folder, "lists/x_dists_one-security_InRelease"), "Date: tomorrow\n");
  t.same(await choice(folder, ["a", "b"], "4"), { asked: true, version: "4" }, "further lists");
});

t.test("a file that is damaged is as good as none, and what is kept is bounded", async (t) => {
  const folder = t.testdir({ lists: { x_Release: "Date: today\n" } });
  const file = join(folder, "choices.json");
  await choice(folder, ["a"], "1");
  const whole = readFileSync(file, "utf8");
  for (const text of [whole.slice(0, -9), whole.replace('"size":7', '"size":"7"'), "", "null"]) {
    writeFileSync(file, text);
    t.same(await choice(folder, ["a"], "2"), { asked: true, version: "2" }, text.slice(0, 20));
  }
  const choices = await openChoices(folder);
  for (let index = 0; index < 250; index++) await choices.of([`n${index}`], async () => [hello(`${index}`)]);
  t.equal(JSON.parse(readFileSync(file, "utf8")).chosen.length, 200);
  t.same(await choice(folder, ["n249"], "x"), { asked: false, version: "249" });
  t.same(await choice(folder, ["n0"], "x"), { asked: true, version: "x" });
});
