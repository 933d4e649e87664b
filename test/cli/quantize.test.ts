import t from "tap";
import type { QuantizeOptions, QuantizeResult } from "../../src/api/types.js";
import type { QuantizedWay } from "../../src/report/quantize.js";
import { runFake } from "./fake-api.js";

const tensor = { cosine: 0.99, saturated: 0.001, sqnr: 17.25 };
const way: QuantizedWay = {
  way: "own",
  settings: { weights: 8, activations: 8, scales: "channel", method: "mse" },
  bytes: { float: 578_966, quantized: 271_000 },
  layers: [
    {
      name: "Conv_0",
      op: "Conv",
      input: "x",
      output: "c",
      integers: true,
      isCorrected: false,
      weights: { sqnr: 40, dead: 0, channels: 8, values: 72 },
    },
    {
      name: "Up_1",
      op: "ConvTranspose",
      input: "c",
      output: "u",
      integers: false,
      isCorrected: false,
      weights: { sqnr: 40, dead: 0, channels: 8, values: 72 },
    },
  ],
  floats: [{ name: "MatMul_2", op: "MatMul", why: "it has no constant weights" }],
  accuracy: null,
  loss: {
    ...{ inputs: 3, metric: "cosine", loss: 0.004 },
    outputs: [{ name: "y", ...tensor, loss: 0.004, worst: 0.02, worstInput: "b.npy" }],
  },
  tensors: [{ name: "c", ...tensor }],
};
const result = (ways: readonly QuantizedWay[]): QuantizeResult => ({
  folder: "/p/out/quantize",
  files: [],
  report: { format: 1, edgeimg: "1", project: "p", models: [{ name: "det", maxLoss: 0.01, ways }] },
});

t.test("what it is asked for, and the table", async (t) => {
  let asked: QuantizeOptions | undefined;
  const { code, stdout } = await runFake(["quantize", "det", "--try", "all"], {
    quantizeModels: async (_, options) => {
      asked = options;
      return result([way]);
    },
  });
  t.equal(code, 0);
  t.match(asked, { model: "det", tryAll: true });
  t.match(stdout, /edgeimg\.yaml \(mse\)\s+8 bit, channel\s+8 bit\s+271 kB\s+579 kB\s+0\.00400\s+0\.0200\s+17\.3 dB\n/);
  t.match(stdout, /by cosine, the mean over 3 inputs; maxLoss is 0\.01\./);
  t.match(stdout, /c\s+Conv Conv_0\s+17\.3 dB\s+0\.9900\s+0\.10 %/);
  t.match(
    stdout,
    /1 layers compute with whole numbers, 1 have 8-bit weights alone, 1 are as they were:\n {2}MatMul MatMul_2: it has no constant weights/,
  );
});

t.test("nothing measured, and no other word for --try", async (t) => {
  const { stdout } = await runFake(["quantize"], {
    quantizeModels: async () => result([{ ...way, loss: null, tensors: [] }]),
  });
  t.match(stdout, /not measured/);
  t.match(stdout, /there are no calibration inputs/);
  const { code, stderr } = await runFake(["quantize", "--try", "some"], {});
  t.equal(code, 1);
  t.match(stderr, /--try/);
});

t.test("as JSON", async (t) => {
  const { stdout } = await runFake(["quantize", "--json"], { quantizeModels: async () => result([way]) });
  t.match(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), {
    type: "result",
    command: "quantize",
    report: { models: [{ name: "det" }] },
  });
});
