import t from "tap";
import { decodeCtc, parseDictionary } from "../../examples/reader/src/ctc.js";

const classes = parseDictionary("A\nB\n");

/** A table in which each step has one clear class. */
function table(steps: readonly number[], sure = 0.9): Float32Array {
  const rest = (1 - sure) / (classes.length - 1);
  return Float32Array.from(steps.flatMap((best) => classes.map((_, i) => (i === best ? sure : rest))));
}

t.test("the dictionary stands between nothing and the space", async (t) => {
  t.same(parseDictionary("A\nB\n"), ["", "A", "B", " "]);
  t.same(parseDictionary("A\r\nB"), ["", "A", "B", " "]);
});

t.test("equal neighbours are one character unless nothing stands between", async (t) => {
  t.equal(decodeCtc(table([1, 1, 0, 1, 2, 2]), 6, classes).text, "AAB");
  t.equal(decodeCtc(table([0, 2, 3, 1, 0]), 5, classes).text, "B A");
});

t.test("outer spaces go, and no text has the score 0", async (t) => {
  t.equal(decodeCtc(table([3, 1, 3]), 3, classes).text, "A");
  t.same(decodeCtc(table([0, 0]), 2, classes), { text: "", score: 0 });
  t.same(decodeCtc([], 0, classes), { text: "", score: 0 });
});

t.test("the score is the mean of the characters' probabilities", async (t) => {
  const { text, score } = decodeCtc([0.1, 0.8, 0.1, 0, 0.3, 0.1, 0.4, 0.2], 2, classes);
  t.equal(text, "AB");
  t.ok(Math.abs(score - 0.6) < 1e-9);
});

t.test("a table of another size is refused", async (t) => {
  t.throws(() => decodeCtc(new Float32Array(7), 2, classes), RangeError);
});
