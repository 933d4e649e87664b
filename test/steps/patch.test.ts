import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { StepContext } from "../../src/steps/kind.js";
import { patchKind } from "../../src/steps/patch.js";

const before = `${Array.from({ length: 30 }, (_, line) => `line ${line}`).join("\n")}\n`;
const after = before.replace("line 7\n", "line seven\n").replace("line 20\n", "");

/** A source tree and patches by name, applied; patches are made by `diff -ru` where they are not given. */
async function apply(test: Test, patches: Readonly<Record<string, string>>, source = { "lib/x.c": before }) {
  const folder = test.testdir({ out: {}, source: {} });
  for (const [path, text] of Object.entries(source)) {
    mkdirSync(join(folder, "source", path, ".."), { recursive: true });
    writeFileSync(join(folder, "source", path), text);
  }
  const inputs: Record<string, string> = { source: join(folder, "source") };
  for (const [name, text] of Object.entries(patches)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "one.patch"), text);
    inputs[name] = join(folder, name);
  }
  const context = { inputs, out: join(folder, "out") } as unknown as StepContext;
  const run = () => patchKind.bind({ patches: Object.keys(patches) }).run(context);
  return { folder, run, text: (path: string) => readFileSync(join(folder, "out", path), "utf8") };
}

/** What `diff -ruN a b` says of two trees. */
function diffOf(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "patch-"));
  for (const [name, files] of Object.entries({ a, b }))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, name, path, ".."), { recursive: true });
      writeFileSync(join(folder, name, path), text);
    }
  const { stdout, status } = spawnSync("diff", ["-ruN", "a", "b"], { cwd: folder, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  if (status !== 1) throw new Error(`diff ended with ${status}`);
  return stdout;
}

t.test("a patch made by diff changes, adds and removes files", async (t) => {
  const a = { "lib/x.c": before, "lib/old.c": "old\n" };
  const b = { "lib/x.c": after, "new/y.c": "fresh\n" };
  const { run, text, folder } = await apply(t, { "fix.patch": diffOf(a, b) }, a);
  await run();
  t.equal(text("lib/x.c"), after);
  t.equal(text("new/y.c"), "fresh\n");
  t.throws(() => statSync(join(folder, "out/lib/old.c")), { code: "ENOENT" });
  t.equal(readFileSync(join(folder, "source/lib/x.c"), "utf8"), before, "the source itself is as it was");
});

const hunk = "@@ -8,1 +8,1 @@\n-line 7\n+line seven\n";
const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    "other content",
    `--- a/lib/x.c\n+++ b/lib/x.c\n${hunk.replace("-line 7", "-line 77")}`,
    /is not what it was made for/,
  ],
  ["a missing file", `--- a/lib/z.c\n+++ b/lib/z.c\n${hunk}`, /the source has no lib\/z\.c/],
  ["a way out", `--- a/../x.c\n+++ b/../x.c\n${hunk}`, /does not lie in a\/ or b\//],
  ["an absolute path", `--- a//etc/x\n+++ b//etc/x\n${hunk}`, /does not lie in a\/ or b\//],
  ["nothing", "just words\n", /holds no change/],
];
for (const [what, patch, reason] of refused)
  t.test(`a patch is refused: ${what}`, async (t) => {
    const { run } = await apply(t, { "bad.patch": patch });
    await t.rejects(run(), { code: "ERR_EDGEIMG_SOURCE_PATCH", message: reason, hint: /diff -ru/ });
  });

t.test("a link in the source leads no patch out of it", async (t) => {
  const { run, folder } = await apply(t, { "p.patch": `--- a/lib/link.c\n+++ b/lib/link.c\n${hunk}` });
  writeFileSync(join(folder, "outside.c"), before);
  symlinkSync("../../outside.c", join(folder, "source/lib/link.c"));
  await t.rejects(run(), { code: "ERR_EDGEIMG_SOURCE_PATCH", message: /symbolic link/ });
  t.equal(readFileSync(join(folder, "outside.c"), "utf8"), before);
});
