import assert from "node:assert/strict";
import { test } from "node:test";
import { classes, rank } from "../src/classes.js";
import { middle } from "../src/window.js";

test("the most likely class comes first", () => {
  assert.deepEqual(rank(classes, [0.1, 0.7, 0.05, 0.15]), [
    { text: "turned right", score: 0.7 },
    { text: "turned left", score: 0.15 },
    { text: "upright", score: 0.1 },
    { text: "upside down", score: 0.05 },
  ]);
});

test("another number of classes is refused", () => {
  assert.throws(() => rank(classes, [0.5, 0.5]), RangeError);
});

test("the model sees the middle of the picture", () => {
  assert.deepEqual(middle({ width: 512, height: 1024 }, { short: 256, side: 224 }), { width: 256, height: 512, x: 16, y: 144 });
  assert.deepEqual(middle({ width: 300, height: 100 }, { short: 256, side: 224 }), { width: 768, height: 256, x: 272, y: 16 });
});
