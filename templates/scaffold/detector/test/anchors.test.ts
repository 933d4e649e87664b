import assert from "node:assert/strict";
import { test } from "node:test";
import { type Face, mergeFaces, overlap, readGrid, splitGrids } from "../src/anchors.js";
import { squareInput } from "../src/input.js";

const face = (change: Partial<Face> = {}): Face => ({ x: 0.2, y: 0.2, width: 0.2, height: 0.2, score: 0.9, ...change });

test("a guess lies around its point of the grid", () => {
  const scores = new Float32Array(8).fill(-20);
  const boxes = new Float32Array(8 * 16);
  // The second guess of the third of 2 x 2 points: the lower left one.
  scores[5] = 0;
  boxes.set([0, 32, 64, 32], 5 * 16);
  assert.deepEqual(readGrid({ cells: 2, guesses: 2, scores, boxes }, { side: 128, minScore: 0.5 }), [
    { x: 0, y: 0.875, width: 0.5, height: 0.25, score: 0.5 },
  ]);
  assert.throws(() => readGrid({ cells: 4, guesses: 2, scores, boxes }, { side: 128, minScore: 0.5 }), RangeError);
});

test("results of each grid, and of both in a row, are the same grids", () => {
  const numbered = (length: number, from: number) => Float32Array.from({ length }, (_, index) => from + index);
  const each = [numbered(384, 512), numbered(384 * 16, 512 * 16), numbered(512 * 16, 0), numbered(512, 0)];
  const grids = splitGrids(each);
  assert.deepEqual(
    grids.map(({ cells, guesses, scores }) => [cells, guesses, scores.length]),
    [
      [16, 2, 512],
      [8, 6, 384],
    ],
  );
  assert.deepEqual(splitGrids([numbered(896 * 16, 0), numbered(896, 0)]), grids);
  assert.throws(() => splitGrids(each.slice(1)), /384 or 896/);
});

test("guesses that overlap are one face, others are not", () => {
  const merged = mergeFaces([face({ score: 0.6, x: 0.22 }), face(), face({ x: 0.7, score: 0.8 })]);
  assert.equal(merged.length, 2);
  assert.equal(merged[0]?.score, 0.9);
  assert.ok(Math.abs((merged[0]?.x ?? 0) - 0.208) < 1e-9, "the mean by score");
  assert.deepEqual(mergeFaces([]), []);
});

test("overlap is the common part of both", () => {
  assert.equal(overlap(face(), face({ x: 0.4 })), 0);
  assert.ok(Math.abs(overlap(face(), face({ x: 0.3 })) - 1 / 3) < 1e-9);
});

test("a picture lies in the middle of a dark square", () => {
  const input = squareInput({ width: 2, height: 1, data: Uint8Array.of(255, 0, 255, 255, 255, 255) }, 4);
  assert.deepEqual([...input.slice(0, 15)], Array(15).fill(-1));
  assert.deepEqual([...input.slice(15, 21)], [1, -1, 1, 1, 1, 1]);
  assert.throws(() => squareInput({ width: 5, height: 1, data: new Uint8Array(15) }, 4), RangeError);
});
