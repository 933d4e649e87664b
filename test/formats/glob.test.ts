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
  // Before groups are written out, which could bring two stars together.
  return meansMarked(pattern.replaceAll("**", "\u0004"), path);
}

function meansMarked(pattern: string, path: string): boolean {
  if (pattern === "") return path === "";
  const choices = firstGroup(pattern);
  if (choices !== undefined) return choices.some((choice) => meansMarked(choice, path));
  const [first = "", rest] = [pattern.charAt(0), pattern.slice(1)];
  if (first !== "*" && first !== "\u0004")
    return path !== "" && path.charAt(0) === (literals[first] ?? first) && meansMarked(rest, path.slice(1));
  for (let taken = 0; taken <= path.length; taken++) {
    if (first === "*" && path.slice(0, taken).includes("/")) return false;
    if (meansMarked(rest, path.slice(taken))) return true;
  }
  return false;
}

/** Stand for literal braces and commas while groups are written out. */
const literals: Readonly<Record<string, string>> = { "\u0001": "{", "\u0002": "}", "\u0003": "," };

/** The pattern once for each part of its first group in braces; undefined when there is none. */
function firstGroup(pattern: string): string[] | undefined {
  const open = pattern.indexOf("{");
  if (open < 0) return undefined;
  let depth = 0;
  const commas: number[] = [];
  for (let at = open; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char === "," && depth === 1) commas.push(at);
    if (depth > 0) continue;
    const cuts = [open, ...commas, at];
    const after = pattern.slice(at + 1);
    // What no brace is open around is literal from here on.
    const before = pattern.slice(0, open).replaceAll(",", "\u0003").replaceAll("}", "\u0002");
    return cuts.slice(1).map((end, index) => before + pattern.slice((cuts[index] ?? 0) + 1, end) + after);
  }
  return [`${pattern.slice(0, open)}\u0001${pattern.slice(open + 1)}`];
}

t.test("random patterns of stars, groups and letters mean what they are said to", async (t) => {
  const random = randomFrom(7);
  const word = (letters: string, length: number) =>
    Array.from({ length: Math.floor(random() * length) }, () =>
      letters.charAt(Math.floor(random() * letters.length)),
    ).join("");
  for (const [letters, of, length] of [
    ["ab/**.", "ab/.", 7],
    ["ab/*{{,}}", "ab/", 10],
    ["a/*{,}", "a/{},", 8],
  ] as const) {
    const wrong: string[] = [];
    let matched = 0;
    for (let round = 0; round < 20_000; round++) {
      const pattern = word(letters, length);
      const path = word(of, 7);
      const expected = means(pattern, path);
      if (expected) matched++;
      if (globMatcher([pattern])(path) !== expected) wrong.push(`${pattern} ${path}`);
    }
    t.same(wrong, []);
    t.ok(matched > 400, `${matched} of those of ${letters} matched`);
  }
});

t.test("several patterns match what one of them does, and one matcher says the same of a path each time", async (t) => {
  const random = randomFrom(11);
  const pick = (from: string, length: number) =>
    Array.from({ length }, () => from.charAt(Math.floor(random() * from.length))).join("");
  for (let round = 0; round < 300; round++) {
    const patterns = Array.from({ length: 3 }, () => pick("ab/**", 4));
    const matches = globMatcher(patterns);
    const paths = Array.from({ length: 30 }, () => pick("ab/", 4));
    const expected = paths.map((path) => patterns.some((pattern) => means(pattern, path)));
    t.same([paths.map(matches), paths.map(matches)], [expected, expected], patterns.join(" "));
  }
});

t.test("a pattern with more sets of states than are kept is still right", async (t) => {
  const random = randomFrom(3);
  const matches = globMatcher([`**a${"{a,b}".repeat(20)}`]);
  const wrong: string[] = [];
  for (let round = 0; round < 400; round++) {
    const path = Array.from({ length: 200 }, () => (random() < 0.5 ? "a" : "b")).join("");
    if (matches(path) !== (path.at(-21) === "a")) wrong.push(path);
  }
  t.same(wrong, []);
});
