import assert from "node:assert/strict";
import { test } from "node:test";
import { inputSize, padded } from "../src/input.js";

const range = { min: 40, max: 240 };

test("a picture keeps its size, or is shrunk to the longer side that the model takes", () => {
  const size = (width: number, height: number) => inputSize({ width, height }, { rows: range, cols: range });
  assert.deepEqual(size(200, 100), { width: 200, height: 100 });
  assert.deepEqual(size(400, 400), { width: 240, height: 240 });
  assert.deepEqual(size(640, 420), { width: 240, height: 158 });
  assert.deepEqual(size(100, 1000), { width: 24, height: 240 });
  assert.deepEqual(size(10_000, 1), { width: 240, height: 1 });
});

test("what is smaller than the model's smallest is filled up with black", () => {
  const image = { width: 1, height: 2, data: Uint8Array.from([1, 2, 3, 4, 5, 6]) };
  assert.deepEqual(padded(image, { width: 2, height: 2 }), {
    width: 2,
    height: 2,
    data: Uint8Array.from([1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 0, 0]),
  });
  assert.equal(padded(image, { width: 1, height: 1 }), image);
});
