import t from "tap";
import { atLeast, nearest } from "../../examples/reader/src/shapes.js";

const sizes = { min: 32, max: 96, step: 32 };

t.test("sizes come from the model's grid", async (t) => {
  t.same(
    [1, 47, 49, 95, 500].map((wanted) => nearest(sizes, wanted)),
    [32, 32, 64, 96, 96],
  );
  t.same(
    [1, 32, 33, 64, 65, 97].map((wanted) => atLeast(sizes, wanted)),
    [32, 32, 64, 64, 96, 96],
  );
});

t.test("a maximum off the grid is not given out", async (t) => {
  t.equal(atLeast({ min: 10, max: 25, step: 10 }, 99), 20);
  t.equal(nearest({ min: 192, max: 192, step: 1 }, 7), 192);
});
