import t from "tap";
import { ownWay, planQuantize, quantizeTargets, quantizeWays } from "../../src/builders/debian/plan-quantize.js";
import { findKind } from "../../src/execute/kinds.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

const text = `format: 1
name: judged
board: rpi4
engine: onnxruntime
app: { entry: main.ts }
models:
  one:
    onnx: one.onnx
    quantize:
      record: { pictures: seen, to: /read }
      maxLoss: 0.1
      accuracy: { pictures: seen, labels: labels.json, to: /read, answer: a.b, maxLoss: 0.01 }
  two:
    onnx: two.onnx
    quantize: { activations: float, accuracy: { pictures: seen, labels: labels.json, to: /read, answer: a.b } }
`;

t.test(
  "in a comparison each way is judged, whatever it loses; the app with models in floating point is asked once",
  async (t) => {
    const request = await requestFor(t.testdir(), { board: "rpi4", engine: "onnxruntime", text });
    const lock = inventedLock(request);
    const plan = planQuantize(request, lock, quantizeWays);
    const steps = new Map(plan.steps.map((step) => [step.id, step]));
    const answers = plan.steps.filter(({ kind }) => kind === "answers").map(({ id }) => id);
    t.equal(answers.filter((id) => id.endsWith("/float")).length, 1, "for both models");
    for (const { name } of [...quantizeWays, { name: ownWay }]) {
      const step = steps.get(plan.targets[quantizeTargets("one", name).accuracy] ?? "");
      t.same(step?.params, { name: "one", metric: "exact" }, name);
      t.equal(step?.inputs.float, "accuracy/answers/float");
      t.equal(
        steps.get(step?.inputs.quantized ?? "")?.inputs.quantized,
        plan.targets[quantizeTargets("one", name).quantized],
      );
    }
    const own = planQuantize(request, lock);
    const limit = own.steps.find(({ id }) => id === own.targets[quantizeTargets("one", ownWay).accuracy]);
    t.match(limit?.params, { maxLoss: 0.01 }, "but in the project's own way");
    for (const { id, kind, params } of plan.steps) t.doesNotThrow(() => findKind(kind).bind(params), id);
  },
);
