import t from "tap";
import { allows, isDynamic, probeShapes, type ShapeSet, traceShapes } from "../../src/model/shapes.js";

const fixed = (size: number) => ({ min: size, max: size, step: 1 });
const detector: ShapeSet = {
  dims: [fixed(1), fixed(3), { min: 32, max: 960, step: 32 }, { min: 32, max: 960, step: 32 }],
};
const classifier: ShapeSet = { dims: [fixed(1), fixed(3), fixed(48), fixed(192)] };
const recognizer: ShapeSet = {
  shapes: [
    [1, 3, 48, 480],
    [1, 3, 48, 160],
    [1, 3, 48, 320],
  ],
};

t.test("shapes that are allowed", async (t) => {
  t.ok(allows(detector, [1, 3, 64, 960]));
  t.notOk(allows(detector, [1, 3, 64, 970]), "not a step");
  t.notOk(allows(detector, [1, 3, 64]), "another rank");
  t.notOk(allows(detector, [2, 3, 64, 64]), "another batch");
  t.ok(allows(recognizer, [1, 3, 48, 160]));
  t.notOk(allows(recognizer, [1, 3, 48, 200]), "between two whole shapes");
  t.same([detector, classifier, recognizer].map(isDynamic), [true, false, true]);
});

t.test("a tracer is shown two shapes that differ wherever the input is open", async (t) => {
  t.same(traceShapes(detector), [
    [1, 3, 960, 960],
    [1, 3, 480, 480],
  ]);
  t.same(traceShapes(classifier), [[1, 3, 48, 192]]);
  t.same(traceShapes(recognizer), [
    [1, 3, 48, 480],
    [1, 3, 48, 160],
  ]);
});

t.test("a check looks where the tracer did not", async (t) => {
  t.same(probeShapes(detector), [
    [1, 3, 32, 32],
    [1, 3, 480, 320],
  ]);
  t.same(probeShapes(classifier), [[1, 3, 48, 192]]);
  t.same(probeShapes(recognizer), [
    [1, 3, 48, 160],
    [1, 3, 48, 320],
  ]);
  for (const set of [detector, classifier, recognizer])
    for (const shape of [...probeShapes(set), ...traceShapes(set)]) t.ok(allows(set, shape), String(shape));
});
