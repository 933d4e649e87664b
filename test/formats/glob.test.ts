import t from "tap";
import { globMatcher } from "../../src/formats/glob.js";
import { randomFrom } from "../helpers/random.js";

t.test("patterns", async (t) => {
  const table: readonly [string, readonly string[], readonly string[]][] = [
    ["a", ["a"], ["", "b", "aa", "a/a", "/a"]],
    ["", [""], ["a"]],
    ["*", ["", "a", ".a", "a.b", "a b"], ["a/b", "/"]],
    ["**", ["", "a", "a/b", "/", "a\nb"], []],
    ["usr/lib/*.so", ["usr/lib/.so", "usr/lib/a.so"], ["usr/lib/a/b.so", "usr/lib/a.so.1", "usr/libxa.so"]],
    ["usr/**/x", ["usr/a/x", "usr/a/b/x", "usr//x"], ["usr/x", "usr/ax"]],
    ["**/node_modules", ["a/node_modules", "/node_modules"], ["node_modules", "a/node_modules/b"]],
    ["**.md", [".md", "a.md", "a/b.md"], ["a.mdx", "amd"]],
    ["{a,b}", ["a", "b"], ["", "c", "{a,b}", "a,b"]],
    ["x{,y}", ["x", "xy"], ["y"]],
    ["{a{b,c},d}e", ["abe", "ace", "de"], ["ae", "abce"]],
    ["usr/share/{man,info}/**", ["usr/share/man/a", "usr/share/info/a/b"], ["usr/share/man", "usr/share/doc/a"]],
    ["snd[_-]x", ["snd[_-]x"], ["snd_x"]],
    ["a,b", ["a,b"], ["a", "b"]],
    ["a?b", ["a?b"], ["axb"]],
    ["(a|b)+$^\\", ["(a|b)+$^\\"], ["a", "b"]],
    ["a{b", ["a{b"], ["ab"]],
    ["a}b", ["a}b"], ["ab"]],
    ["{a,{b", ["{a,{b"], ["a"]],
    ["{{a,b}", ["{a", "{b"], ["a"]],
    ["a.b", ["a.b"], ["axb"]],
    ["Ä*", ["Äx"], ["äx"]],
  ];
  for (const [pattern, matching, others] of table) {
    const matches = globMatcher([pattern]);
    for (const path of matching) t.equal(matches(path), true, `${pattern} matches ${JSON.stringify(path)}`);
    for (const path of others) t.equal(matches(path), false, `${pattern} does not match ${JSON.stringify(path)}`);
  }
});

t.test("one of several patterns, and none", async (t) => {
  t.equal(globMatcher(["a", "b"])("b"), true);
  t.equal(globMatcher([])("a"), false);
});

/** What a pattern means, written another way: by trying all that each part may stand for. */
function means(pattern: string, path: string): boolean {
  if (pattern === "") return path === "";
  const rest = pattern.slice(pattern.startsWith("**") ? 2 : 1);
  if (!pattern.startsWith("*"))
    return path.charAt(0) === pattern.charAt(0) && path !== "" && means(rest, path.slice(1));
  for (let taken = 0; taken <= path.length; taken++) {
    if (!pattern.startsWith("**") && path.slice(0, taken).includes("/")) return false;
    if (means(rest, path.slice(taken))) return true;
  }
  return false;
}

t.test("random patterns of stars and letters mean what they are said to", async (t) => {
  const random = randomFrom(7);
  const word = (letters: string, length: number) =>
    Array.from({ length: Math.floor(random() * length) }, () =>
      letters.charAt(Math.floor(random() * letters.length)),
    ).join("");
  const wrong: string[] = [];
  let matched = 0;
  for (let round = 0; round < 20_000; round++) {
    const pattern = word("ab/**.", 7);
    const path = word("ab/.", 7);
    const expected = means(pattern, path);
    if (expected) matched++;
    if (globMatcher([pattern])(path) !== expected) wrong.push(`${pattern} ${path}`);
  }
  t.same(wrong, []);
  t.ok(matched > 1000, `${matched} of them matched`);
});
