import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const home = fileURLToPath(new URL("../../", import.meta.url));

/** For each C file the files that define the functions it calls. Definitions begin at a line's start and end it with a brace. */
function callsOf(folder: string, names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const texts = names.map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
  const definedIn = new Map<string, string>();
  for (const { name, text } of texts) {
    for (const found of text.matchAll(/^(?!static)\w[\w *]*\b(edge_\w+)\((?:[^;{]*)\) \{/gm))
      definedIn.set(found[1] ?? "", name);
  }
  const calls = ({ name, text }: { readonly name: string; readonly text: string }) =>
    [...text.matchAll(/\b(edge_\w+)\b/g)].flatMap(([, word = ""]) => {
      const file = definedIn.get(word);
      return file === undefined || file === name ? [] : [file];
    });
  return new Map(texts.map((one) => [one.name, new Set(calls(one))]));
}

/** The files that are left when those that call nothing left are taken away, again and again. */
function circles(calls: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const left = new Set(calls.keys());
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const name of left) if (![...(calls.get(name) ?? [])].some((file) => left.has(file))) left.delete(name);
  }
  return [...left];
}

t.test("no two files of the kernels call one another", async (t) => {
  const folder = join(home, "recipes/kernels/src");
  const calls = callsOf(
    folder,
    readdirSync(folder).filter((name) => name.endsWith(".c")),
  );
  t.ok(calls.get("run.c")?.has("winograd.c") && calls.get("winograd.c")?.has("finish_seek.c"), "calls are found");
  t.same(circles(calls), []);
});

t.test("buffers know UTF-8, UTF-8 knows no buffers", async (t) => {
  const calls = callsOf(join(home, "recipes/runtime/src"), ["buffer.c", "utf8.c"]);
  t.same([...(calls.get("buffer.c") ?? [])], ["utf8.c"]);
  t.same(circles(calls), []);
  t.notMatch(readFileSync(join(home, "recipes/runtime/src/utf8.h"), "utf8"), /buffer\.h/);
});
