import t from "tap";
import {
  defaultBoxOptions,
  findBoxes,
  meanInside,
  outlines,
  type ProbabilityMap,
} from "../../examples/reader/src/boxes.js";

/** `#` is 0.9, `+` is 0.4, everything else 0. */
function mapOf(rows: readonly string[]): ProbabilityMap {
  const width = rows[0]?.length ?? 0;
  const data = Float32Array.from(rows.join(""), (sign) => (sign === "#" ? 0.9 : sign === "+" ? 0.4 : 0));
  return { width, height: rows.length, data };
}

const filled = (options: {
  width: number;
  height: number;
  inside: (x: number, y: number) => boolean;
}): ProbabilityMap => ({
  ...options,
  data: Float32Array.from({ length: options.width * options.height }, (_, i) =>
    options.inside(i % options.width, Math.floor(i / options.width)) ? 0.9 : 0.01,
  ),
});

t.test("areas that touch at a corner, or join further down, are one", async (t) => {
  t.equal(outlines(mapOf(["#...", ".#..", "...#"]), 0.3).length, 2);
  t.equal(outlines(mapOf(["#.#.#", "#.#.#", "#####"]), 0.3).length, 1);
  t.equal(outlines(mapOf(["#####", "#...#", "#.#.#", "#...#", "#####"]), 0.3).length, 2);
  t.equal(outlines(mapOf(["....", "...."]), 0.3).length, 0);
});

t.test("an area that reaches the right edge does not go on in the next row's left", async (t) => {
  t.equal(outlines(mapOf(["..##", "....", "##.."]), 0.3).length, 2);
  t.equal(outlines(mapOf(["...#", "#..."]), 0.3).length, 2);
});

t.test("a box grows by area * unclip / perimeter on each side", async (t) => {
  const map = filled({ width: 64, height: 32, inside: (x, y) => x >= 10 && x < 50 && y >= 12 && y < 20 });
  const [box, ...others] = findBoxes(map);
  const distance = (40 * 8 * defaultBoxOptions.unclip) / (2 * (40 + 8));
  t.same(others, []);
  t.ok(Math.abs((box?.score ?? 0) - 0.9) < 1e-6);
  t.ok(Math.abs((box?.quad[0].x ?? 0) - (10 - distance)) < 1e-9);
  t.ok(Math.abs((box?.quad[2].y ?? 0) - (20 + distance)) < 1e-9);
});

t.test("thin, unsure and absent text gives no box", async (t) => {
  t.same(findBoxes(filled({ width: 64, height: 32, inside: (_, y) => y === 9 || y === 10 })), []);
  t.same(findBoxes(mapOf(Array.from({ length: 12 }, () => "++++++++++++++++"))), []);
  t.same(findBoxes(filled({ width: 64, height: 32, inside: () => false })), []);
});

t.test("a slanted line gives a slanted box", async (t) => {
  const map = filled({ width: 96, height: 96, inside: (x, y) => x > 8 && x < 88 && Math.abs(y - x / 2 - 20) < 5 });
  const [box] = findBoxes(map);
  const [a, b] = box?.quad ?? [];
  if (a === undefined || b === undefined) throw new Error("no box");
  const degrees = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
  t.ok(Math.abs(degrees - 26.57) < 3, `${degrees} degrees`);
});

t.test("the mean counts pixels whose centre is inside, and only those in the map", async (t) => {
  const map = mapOf(["##..", "##..", "...."]);
  const box = (x: number, y: number, width: number, height: number) =>
    [
      { x, y },
      { x: x + width, y },
      { x: x + width, y: y + height },
      { x, y: y + height },
    ] as const;
  t.ok(Math.abs(meanInside(map, box(0, 0, 4, 2)) - 0.45) < 1e-6);
  t.ok(Math.abs(meanInside(map, box(-5, -5, 7, 7)) - 0.9) < 1e-6);
  t.equal(meanInside(map, box(9, 9, 2, 2)), 0);
});
