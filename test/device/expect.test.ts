import t from "tap";
import { parseConsoleLine } from "../../src/device/console.js";
import { checkLines, differences } from "../../src/device/expect.js";

const lines = [
  "[    0.0] Booting Linux",
  '{"edgeimg":"boot","board":"rpi4"}',
  '{"edgeimg":"result","picture":"a.png","text":["ONE"],"score":0.9}',
  '{"edgeimg":"result","picture":"b.png","text":["TWO","THREE"],"box":{"x":1,"y":2}}',
  '{"edgeimg":"ready"}',
].map(parseConsoleLine);

/** Which line each pattern got. */
function found(patterns: readonly Record<string, unknown>[], ordered = false): (number | undefined)[] {
  return checkLines(lines, patterns, { ordered }).checks.map(({ line }) => line?.index);
}

t.test("a pattern needs some of a line's keys, whole lists, equal values", async (t) => {
  const value = { a: 1, b: { c: [1, { d: "x", e: null }], f: true } };
  t.same(differences({ b: { c: [1, { d: "x" }] } }, value), []);
  t.same(differences({ a: 2, b: { c: [1, { d: "y", z: 0 }] } }, value), [
    { path: "a", expected: 2, found: 1 },
    { path: "b.c[1].d", expected: "y", found: "x" },
    { path: "b.c[1].z", expected: 0, found: undefined },
  ]);
  t.same(differences({ b: { c: [1] } }, value), [{ path: "b.c", expected: [1], found: value.b.c }]);
  t.same(differences({ a: { c: 1 } }, value), [{ path: "a", expected: { c: 1 }, found: 1 }]);
  t.same(differences({ b: { c: [1, { e: null }] } }, value), []);
  t.equal(differences({ a: null }, {}).length, 1, "a missing key is not null");
  t.equal(differences({ a: [] }, { a: {} }).length, 1);
  t.equal(differences({ a: {} }, { a: [] }).length, 1);
});

t.test("in any order, each line once", async (t) => {
  t.same(found([{ edgeimg: "ready" }, { edgeimg: "boot" }]), [4, 1]);
  t.same(found([{ edgeimg: "result" }, { edgeimg: "result" }]), [2, 3]);
  t.same(found([{ edgeimg: "ready" }, { edgeimg: "ready" }]), [4, undefined]);
});

t.test("a loose pattern does not take the only line of a strict one", async (t) => {
  t.same(found([{ edgeimg: "result" }, { picture: "a.png" }]), [3, 2]);
  t.same(found([{ edgeimg: "result" }, { edgeimg: "result" }, { picture: "b.png" }]).includes(undefined), true);
});

t.test("in order", async (t) => {
  t.same(found([{ edgeimg: "boot" }, { edgeimg: "result" }, { edgeimg: "ready" }], true), [1, 2, 4]);
  t.same(found([{ edgeimg: "ready" }, { edgeimg: "boot" }], true), [4, undefined]);
});

t.test("a missing line is reported with the nearest one of its kind", async (t) => {
  const report = checkLines(
    lines,
    [{ edgeimg: "result", picture: "b.png", text: ["TWO", "FOUR"] }, { edgeimg: "http" }],
    { ordered: false },
  );
  t.equal(report.passed, false);
  const [first, second] = report.checks;
  if (first === undefined || first.line !== undefined || second === undefined || second.line !== undefined)
    return t.fail("both are missing");
  t.equal(first.nearest?.line.index, 3);
  t.same(first.nearest?.differences, [{ path: "text[1]", expected: "FOUR", found: "THREE" }]);
  t.equal(second.nearest, undefined, "no line of that kind");
  t.equal(checkLines(lines, [{ edgeimg: "ready" }], { ordered: true }).passed, true);
  t.equal(checkLines([], [], { ordered: true }).passed, true);
});
