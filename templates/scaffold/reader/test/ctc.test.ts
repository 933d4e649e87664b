import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCtc } from "../src/ctc.js";

/** Rows of probabilities in which one class is the best: 0 is "nothing", 1 is "a", 2 is "b". */
function table(...best: number[]): number[] {
  return best.flatMap((winner) => [0, 1, 2].map((index) => (index === winner ? 0.8 : 0.1)));
}

const classes = ["", "a", "b"];

test("the same class at following steps is one character", () => {
  assert.equal(decodeCtc(table(1, 1, 2, 2, 2), 5, classes).text, "ab");
});

test("nothing in between makes two of them", () => {
  assert.equal(decodeCtc(table(1, 0, 1, 0), 4, classes).text, "aa");
});

test("the score is the mean of what was read", () => {
  assert.ok(Math.abs(decodeCtc(table(1, 0, 2), 3, classes).score - 0.8) < 1e-9);
  assert.deepEqual(decodeCtc(table(0, 0), 2, classes), { text: "", score: 0 });
});

test("a table of another size is refused", () => {
  assert.throws(() => decodeCtc([0.5], 2, classes), RangeError);
});
