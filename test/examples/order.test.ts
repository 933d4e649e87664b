import t from "tap";
import { type Quad, startAt } from "../../examples/reader/src/geometry.js";
import { readingOrder } from "../../examples/reader/src/order.js";

const line = (name: string, x: number, y: number) => {
  const box: Quad = [
    { x, y },
    { x: x + 60, y },
    { x: x + 60, y: y + 20 },
    { x, y: y + 20 },
  ];
  return { name, box };
};
const names = (lines: readonly { name: string }[]) =>
  readingOrder(lines.map((l) => ({ ...line("", 0, 0), ...l }))).map((l) => l.name);

t.test("rows from top to bottom, each from left to right", async (t) => {
  t.same(names([line("d", 80, 102), line("b", 90, 4), line("c", 0, 98), line("a", 5, 9)]), ["a", "b", "c", "d"]);
});

t.test("a column of lines close together stays a column", async (t) => {
  t.same(names([line("c", 0, 44), line("b", 30, 22), line("a", 60, 0)]), ["a", "b", "c"]);
});

t.test("text on its head is read from the bottom right", async (t) => {
  const turned = [line("d", 0, 0), line("c", 80, 0), line("b", 0, 90), line("a", 80, 90)].map((l) => ({
    ...l,
    box: startAt(l.box, 2),
  }));
  t.same(names(turned), ["a", "b", "c", "d"]);
});

t.test("no lines", async (t) => {
  t.same(readingOrder([]), []);
});
