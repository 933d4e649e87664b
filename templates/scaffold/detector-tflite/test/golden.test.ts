import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type Grid, mergeFaces, readGrid, splitGrids } from "../src/anchors.js";

/** The 32-bit floats of a file that numpy.save wrote. */
async function floats(name: string): Promise<Float32Array> {
  const file = await readFile(new URL(`../golden/${name}.npy`, import.meta.url));
  const start = 10 + file.readUInt16LE(8);
  return new Float32Array(Uint8Array.from(file.subarray(start)).buffer);
}

const facesOf = (grids: readonly Grid[]) =>
  mergeFaces(grids.flatMap((grid) => readGrid(grid, { side: 128, minScore: 0.6 })));
const grids = splitGrids([await floats("classificators"), await floats("regressors")]);

test("the golden outputs are one face in the portrait", () => {
  const faces = facesOf(grids);
  assert.equal(faces.length, 1);
  const { x = 0, y = 0, width = 0, height = 0 } = faces[0] ?? {};
  // Dlib's detector finds it around [0.5, 0.46] of the same portrait (`edgeimg init --example find-faces`, golden/faces.npy).
  const off = Math.hypot(x + width / 2 - 0.5, y + height / 2 - 0.46);
  assert.ok(off < width / 5, `${off} of the picture, in a frame of ${width}`);
});

test("results of each grid apart are the same faces", () => {
  const apart = grids.flatMap(({ scores, boxes }) => [Float32Array.from(boxes), Float32Array.from(scores)]);
  assert.deepEqual(facesOf(splitGrids(apart)), facesOf(grids));
});
