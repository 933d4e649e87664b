import { createHash } from "node:crypto";
import t from "tap";
import { numbers } from "../../src/model/tensor.js";
import { makeTestInput } from "../../src/model/test-input.js";

const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

t.test("the same arguments give the same bytes, another seed others", async (t) => {
  const shape = [1, 3, 64, 96];
  t.equal(hash(makeTestInput("x", "f32", shape, 1).data), hash(makeTestInput("y", "f32", shape, 1).data));
  t.not(hash(makeTestInput("x", "f32", shape, 1).data), hash(makeTestInput("x", "f32", shape, 2).data));
});

t.test("pictures have strokes on a bright ground, whatever the layout", async (t) => {
  const planar = numbers(makeTestInput("x", "f32", [1, 3, 64, 96]));
  const interleaved = numbers(makeTestInput("x", "f32", [1, 64, 96, 3]));
  const values = Array.from(planar);
  t.ok(values.every((value) => value >= -1 && value <= 1));
  const dark = values.filter((value) => value < -0.5).length / values.length;
  t.ok(dark > 0.03 && dark < 0.6, `${dark} is dark`);
  t.equal(planar[(1 * 64 + 10) * 96 + 20], interleaved[(10 * 96 + 20) * 3 + 1]);
  t.equal(makeTestInput("x", "u8", [1, 3, 64, 96]).data.length, 3 * 64 * 96);
});

t.test("everything else gets noise of its type", async (t) => {
  t.ok(Array.from(numbers(makeTestInput("x", "f32", [1, 40]))).every((value) => Math.abs(value) <= 1));
  t.ok(Array.from(numbers(makeTestInput("x", "i64", [1, 40]))).every((value) => value >= 0 && value < 10));
  t.equal(makeTestInput("x", "i32", []).data.length, 4, "a scalar has one element");
});
