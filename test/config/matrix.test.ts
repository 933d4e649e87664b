import t from "tap";
import { loadProject } from "../../src/config/load.js";
import { firstTarget, matrixTargets, targetName } from "../../src/config/matrix.js";
import { mergeProject } from "../../src/config/merge.js";
import { placeText } from "../../src/errors/place.js";

const merged = (text: string, flags: { board?: string; engine?: string } = {}) =>
  mergeProject(loadProject(`format: 1\nname: reader\napp: { entry: a.ts }\n${text}`, "edgeimg.yaml"), flags);
const names = (text: string, flags = {}) => matrixTargets(merged(text, flags)).map(targetName);

t.test("boards times engines, less what is excluded", async (t) => {
  const text = `matrix:
  boards: [rpi4, rpi3]
  engines: [ncnn, onnxruntime]
  exclude:
    - { board: rpi3, engine: onnxruntime }
`;
  t.same(names(text), ["rpi4-ncnn", "rpi4-onnxruntime", "rpi3-ncnn"]);
  t.same(names(text, { board: "rpi3" }), ["rpi3-ncnn"]);
  t.same(names(text, { engine: "onnxruntime" }), ["rpi4-onnxruntime"]);
  t.same(names(text, { board: "other", engine: "third" }), ["other-third"], "flags may name what the matrix does not");
  t.same(firstTarget(merged(text)), { board: "rpi4", engine: "ncnn" }, "what a plain build makes");
});

t.test("without a matrix, the project's boards and engine", async (t) => {
  t.same(names("board: [rpi4, rpi3]\nengine: ncnn\n"), ["rpi4-ncnn", "rpi3-ncnn"]);
  t.same(names("board: [rpi4, rpi4]\nengine: ncnn\n"), ["rpi4-ncnn"]);
  t.same(names("board: rpi4\nengine: ncnn\nmatrix: { engines: [a, b] }\n"), ["rpi4-a", "rpi4-b"]);
  t.same(firstTarget(merged("board: rpi4\nengine: ncnn\nmatrix: { engines: [a, b] }\n")), {
    board: "rpi4",
    engine: "ncnn",
  });
});

t.test("a whole board or engine can be excluded, but not everything", async (t) => {
  const text =
    "matrix: { boards: [rpi4, rpi3], engines: [ncnn, tiny], exclude: [{ board: rpi3 }, { engine: tiny }] }\n";
  t.same(names(text), ["rpi4-ncnn"]);
  t.throws(() => names(text, { board: "rpi3" }), { code: "ERR_EDGEIMG_CONFIG_INVALID", message: /leaves nothing/ });
});

t.test("an exclusion of what is not there is a mistake, not silence", async (t) => {
  const failure = (() => {
    try {
      names("matrix: { boards: [rpi4], engines: [ncnn], exclude: [{ engine: ncn }] }\n");
    } catch (error) {
      return error;
    }
  })();
  t.match(failure, { code: "ERR_EDGEIMG_CONFIG_INVALID", hint: /"ncnn"/ });
  if (failure instanceof Error && "place" in failure) t.match(placeText(Object(failure.place)), /^edgeimg.yaml:4:\d+$/);
  t.throws(() => names("matrix: { boards: [rpi4], engines: [ncnn], exclude: [{}] }\n"), /board/);
});
