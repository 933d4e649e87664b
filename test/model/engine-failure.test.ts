import t from "tap";
import { type EngineEnd, engineFailure, lastLayer } from "../../src/model/engine-failure.js";

const end = (change: Partial<EngineEnd>): EngineEnd => ({
  stdout: "",
  stderr: "",
  signal: undefined,
  exitCode: 1,
  ...change,
});
const told = { stdout: '{"error":"ncnn failed to compute y (-1)","status":"ENGINE"}', exitCode: 3 };
const crash = { signal: "SIGSEGV", exitCode: undefined };
const trace = "layer Convolution conv_0\nlayer Reshape re shape";

t.test("the last layer that began is where a run ended", (t) => {
  t.equal(lastLayer(undefined), undefined);
  t.equal(lastLayer(end({ stderr: "" })), undefined);
  t.equal(
    lastLayer(end({ ...crash, stderr: `noise\n${trace}\nqemu: uncaught target signal 11` })),
    "Reshape (re shape)",
  );
  t.equal(lastLayer(end({ exitCode: 0, stderr: trace })), undefined, "a second run that does not fail tells nothing");
  t.end();
});

t.test("where the engine was built for the models alone, all of it is the first thing to try", (t) => {
  const run = { model: "m", engine: "toy", cpu: "cortex-a53", shapes: "x 1x4", traced: undefined, instead: [] };
  const whole = engineFailure({ ...run, end: end(crash) });
  const reduced = engineFailure({ ...run, end: end(crash), reduced: true });
  t.equal(reduced.code, "ERR_EDGEIMG_MODEL_OPERATOR");
  t.equal(reduced.message, whole.message);
  t.same(reduced.details, whole.details);
  t.match(reduced.hint, /^The engine was built for the models alone: say `ops: all`/);
  t.ok(reduced.hint?.endsWith(whole.hint ?? "-"), "and what holds for a whole one");
  t.notMatch(whole.hint, /ops: all/);
  t.end();
});

t.test("what an engine refuses or crashes on is told with engine, model, shapes, layer and a way out", (t) => {
  const members: readonly (readonly [string, EngineEnd, EngineEnd | undefined, RegExp, RegExp])[] = [
    [
      "ncnn",
      end(told),
      end({ ...told, stderr: trace }),
      /^Model m: ncnn refuses it at x 1x4, in layer Reshape \(re shape\): ncnn failed to compute y \(-1\)$/,
      /--engine onnxruntime/,
    ],
    [
      "ncnn",
      end(crash),
      end({ ...crash, stderr: trace }),
      /^Model m: ncnn crashed \(SIGSEGV\) at x 1x4, in layer Reshape \(re shape\)\.$/,
      /without the operator of layer Reshape/,
    ],
    [
      "ncnn",
      end(crash),
      end({ ...crash, stderr: "" }),
      /^Model m: ncnn crashed \(SIGSEGV\) at x 1x4\.$/,
      /declare other shapes/,
    ],
    ["onnxruntime", end(crash), undefined, /^Model m: onnxruntime crashed \(SIGSEGV\) at x 1x4\.$/, /another opset/],
    [
      "onnxruntime",
      end({ ...told, stdout: '{"error":"while running Gather node. Name:\\u0027g\\u0027"}' }),
      undefined,
      /refuses it at x 1x4: while running Gather node\. Name:'g'$/,
      /without what the message names/,
    ],
    [
      "ncnn",
      end({ exitCode: 132 }),
      undefined,
      /^Model m: ncnn uses an instruction that cortex-a72 lacks at x 1x4\.$/,
      /compile it with -mcpu=cortex-a72\./,
    ],
  ];
  for (const [engine, ended, traced, message, hint] of members) {
    const instead = engine === "onnxruntime" ? [] : ["onnxruntime"];
    const error = engineFailure({
      instead,
      model: "m",
      engine,
      cpu: "cortex-a72",
      shapes: "x 1x4",
      end: ended,
      traced,
    });
    t.match(error, { code: "ERR_EDGEIMG_MODEL_OPERATOR", message, hint });
    if (engine === "onnxruntime") t.notMatch(error.hint, /--engine onnxruntime/, "not the engine in use");
  }
  t.end();
});
