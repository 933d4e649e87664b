import t from "tap";
import { readOnnx } from "../../src/formats/onnx.js";
import { inputFacts, narrowed, probes } from "../../src/model/probe.js";
import type { Dimension } from "../../src/model/shapes.js";
import type { SidecarInput } from "../../src/model/sidecar.js";
import { tinyOnnx } from "./onnx-builder.js";

const size = (min: number, max = min, step = 1): Dimension => ({ min, max, step });
const ids = (name: string, ...dims: Dimension[]): SidecarInput => ({ name, type: "i64", allowed: { dims } });

/** What the file of a small text model tells: ids index a table of 30 rows, kinds one of 2, both through other operators. */
const facts = inputFacts(
  readOnnx(
    tinyOnnx({
      nodes: [
        { op: "Cast", inputs: ["ids"], outputs: ["whole"], int: { to: 7 } },
        { op: "Gather", inputs: ["words", "whole"], outputs: ["a"] },
        { op: "Unsqueeze", inputs: ["kinds", "axes"], outputs: ["more"] },
        { op: "Gather", inputs: ["two", "more"], outputs: ["b"], int: { axis: -1 } },
      ],
      inputs: [
        { name: "ids", type: 6, shape: [1, "n"] },
        { name: "kinds", type: 7, shape: [1, "n"] },
        { name: "mask", type: 7, shape: [1, "m"] },
      ],
      outputs: [{ name: "a", shape: [1, "n", 4] }],
      weights: [
        { name: "words", shape: [30, 1], values: Array.from({ length: 30 }, () => 0) },
        { name: "two", shape: [3, 2], values: [1, 2, 3, 4, 5, 6] },
        { name: "axes", shape: [1], values: [0], type: 7 },
      ],
    }),
  ),
);

t.test("inputs that index a table of the model are known, through casts and along any axis", async (t) => {
  t.same(
    [...facts.rows],
    [
      ["ids", 30],
      ["kinds", 2],
    ],
  );
});

t.test("dimensions of one name are narrowed to the sizes that all may have", async (t) => {
  const dims = (...inputs: SidecarInput[]) => narrowed("m", inputs, facts).map(({ allowed }) => allowed);
  t.same(dims(ids("ids", size(1), size(4, 64, 4)), ids("kinds", size(1), size(6, 48, 6))), [
    { dims: [size(1), size(12, 48, 12)] },
    { dims: [size(1), size(12, 48, 12)] },
  ]);
  t.same(
    dims(ids("ids", size(1), size(4, 64)), ids("mask", size(1), size(1, 8)))[1],
    { dims: [size(1), size(1, 8)] },
    "another name stays as it is",
  );
  t.throws(() => narrowed("m", [ids("ids", size(1), size(2, 6, 4)), ids("kinds", size(1), size(4))], facts), {
    code: "ERR_EDGEIMG_MODEL_SHAPES",
    message: /dimension 1 of ids and dimension 1 of kinds are both called n in the model/,
  });
});

t.test(
  "the second run gives dimensions of one name one size, others another proportion; the choice after it all the same",
  async (t) => {
    const inputs = ["ids", "kinds", "mask"].map((name) => ids(name, size(1), size(6, 18)));
    t.same(probes(inputs, facts), [
      [
        [
          [1, 6],
          [1, 6],
          [1, 6],
        ],
      ],
      [
        [
          [1, 10],
          [1, 10],
          [1, 12],
        ],
        [
          [1, 12],
          [1, 12],
          [1, 12],
        ],
      ],
    ]);
  },
);

t.test("fixed inputs are run once", async (t) => {
  t.same(probes([ids("ids", size(1), size(8))], facts), [[[[1, 8]]]]);
});
