import t from "tap";
import { accuracy, accuracyFile, accuracyOf, editDistance } from "../../src/quantize/accuracy.js";

const answers = (...of: readonly (readonly [string, string])[]) =>
  of.map(([label, answer], index) => ({ picture: `${index}.png`, label, answer }));

t.test("edits are counted by character, which may be more than one code unit", async (t) => {
  // Levenshtein's own kinds of error, and the usual example.
  t.equal(editDistance("kitten", "sitting"), 3);
  t.equal(editDistance("", "abc"), 3);
  t.equal(editDistance("abc", ""), 3);
  t.equal(editDistance("abc", "abc"), 0);
  t.equal(editDistance("a😀c", "abc"), 1);
  for (const [a, b] of [
    ["HARBOR", "HARB0R"],
    ["Breakfast\n7:30", "Breakfst\n7:300"],
    ["x", "y"],
  ] as const) {
    t.equal(editDistance(a, b), editDistance(b, a), "it is symmetric");
    t.ok(editDistance(a, b) <= Math.max(a.length, b.length));
  }
});

t.test("how right answers are, by each metric", async (t) => {
  const some = answers(["abcd", "abcd"], ["abcdef", "abXdef"], ["", ""]);
  t.equal(accuracyOf("exact", some), 2 / 3);
  t.equal(accuracyOf("characters", some), 9 / 10, "all edits by all characters, not the mean of pictures");
  t.equal(accuracyOf("characters", answers(["a", "bcdef"])), 0, "more edits than characters");
  t.equal(accuracyOf("characters", answers(["", ""])), 1);
  t.equal(accuracyOf("characters", answers(["", "x"])), 0);
});

t.test("what got worse is told, the worst first, and what got better is not", async (t) => {
  const float = answers(["one", "one"], ["two", "two"], ["three", "thr"], ["four", "four"]);
  const quantized = answers(["one", "0ne"], ["two", "xyz"], ["three", "three"], ["four", "four"]);
  const found = accuracy("characters", { float, quantized });
  t.same(accuracyFile.parse(found), found);
  t.match(found, { metric: "characters", pictures: 4, float: 13 / 15, quantized: 11 / 15 });
  t.same(found.worse, [
    { picture: "1.png", label: "two", float: "two", quantized: "xyz" },
    { picture: "0.png", label: "one", float: "one", quantized: "0ne" },
  ]);
});

t.test("answers to other pictures are never compared", async (t) => {
  const one = answers(["a", "a"]);
  t.throws(() => accuracy("exact", { float: one, quantized: [] }), /0\.png is compared with undefined/);
  t.throws(() => accuracy("exact", { float: [], quantized: one }), /1 answers for 0/);
  t.throws(() => accuracy("exact", { float: one, quantized: answers(["b", "a"]) }), /is compared with/);
});
