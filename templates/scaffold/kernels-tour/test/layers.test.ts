import assert from "node:assert/strict";
import { test } from "node:test";
import { examples } from "../src/layers.js";

test("there is a layer of each width", () => {
  assert.deepEqual(
    examples.map(({ layer }) => layer.bits),
    [8, 7, 4, 2, 1],
  );
});

test("inputs keep to their bits", () => {
  const signed = new Set([8, 7, 4]);
  for (const { layer, input } of examples) {
    const [low, high] = signed.has(layer.bits)
      ? [-(2 ** (layer.bits - 1)), 2 ** (layer.bits - 1) - 1]
      : [0, 2 ** layer.bits - 1];
    assert.ok(
      input.every((code) => code >= low && code <= high),
      `${layer.bits} bits`,
    );
  }
});
