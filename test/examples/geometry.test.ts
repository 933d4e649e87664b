import t from "tap";
import {
  convexHull,
  corners,
  grow,
  minAreaRect,
  type Point,
  type Quad,
  quadSize,
  spanAt,
  startAt,
} from "../../examples/reader/src/geometry.js";

const at = (x: number, y: number): Point => ({ x, y });
const rounded = (points: readonly Point[]) =>
  points.map(({ x, y }) => [Math.round(x * 1e6) / 1e6, Math.round(y * 1e6) / 1e6]);

t.test("the hull leaves out inner, repeated and collinear points", async (t) => {
  const points = [at(0, 0), at(4, 0), at(2, 0), at(4, 3), at(0, 3), at(1, 1), at(0, 0)];
  t.same(
    convexHull(points)
      .map(({ x, y }) => `${x},${y}`)
      .sort(),
    ["0,0", "0,3", "4,0", "4,3"],
  );
});

t.test("hulls of no, one and two points are these points", async (t) => {
  t.same(convexHull([]), []);
  t.same(convexHull([at(1, 2)]), [at(1, 2)]);
  t.equal(convexHull([at(3, 1), at(1, 2)]).length, 2);
});

t.test("the smallest rectangle around an upright one is itself", async (t) => {
  const rect = minAreaRect([at(10, 20), at(50, 20), at(50, 30), at(10, 30)]);
  if (rect === undefined) throw new Error("no rectangle");
  t.same(rounded(corners(rect)), [
    [10, 20],
    [50, 20],
    [50, 30],
    [10, 30],
  ]);
});

t.test("a rectangle turned by 30 degrees is found, with its top left first", async (t) => {
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const turned = (x: number, y: number) => at(100 + x * c - y * s, 50 + x * s + y * c);
  const expected = [turned(0, 0), turned(60, 0), turned(60, 12), turned(0, 12)];
  const rect = minAreaRect([...expected, turned(30, 6), turned(10, 3)]);
  if (rect === undefined) throw new Error("no rectangle");
  t.same(rounded(corners(rect)), rounded(expected));
});

t.test("points on a line, one point and none", async (t) => {
  const line = minAreaRect([at(0, 5), at(8, 5), at(4, 5)]);
  t.equal(Math.min(line?.width ?? -1, line?.height ?? -1), 0);
  t.match(minAreaRect([at(3, 4)]), { cx: 3, cy: 4, width: 0, height: 0 });
  t.equal(minAreaRect([]), undefined);
});

t.test("a tall rectangle's first corner is at its top left as well", async (t) => {
  const rect = minAreaRect([at(0, 0), at(10, 0), at(10, 90), at(0, 90)]);
  if (rect === undefined) throw new Error("no rectangle");
  t.same(rounded(corners(grow(rect, 2))), [
    [-2, -2],
    [12, -2],
    [12, 92],
    [-2, 92],
  ]);
});

const quad: Quad = [at(0, 0), at(10, 0), at(10, 4), at(0, 4)];

t.test("starting at another corner keeps the order", async (t) => {
  t.same(startAt(quad, 0), quad);
  t.same(startAt(quad, 1)[0], quad[1]);
  t.same(startAt(quad, 2), [quad[2], quad[3], quad[0], quad[1]]);
  t.same(startAt(startAt(quad, 3), 1), quad);
  t.same(quadSize(quad), { width: 10, height: 4 });
  t.same(quadSize(startAt(quad, 1)), { width: 4, height: 10 });
});

t.test("where a horizontal line crosses", async (t) => {
  t.same(spanAt(quad, 2), [0, 10]);
  t.equal(spanAt(quad, 5), undefined);
  t.same(spanAt([at(5, 0), at(10, 5), at(5, 10), at(0, 5)], 2.5), [2.5, 7.5]);
});
