import t from "tap";
import type { CatalogConverter } from "../../src/catalog/catalog.js";
import { type Converter, converter } from "../../src/catalog/converter.js";
import { conversionPath, portNames, toolOf } from "../../src/parts/conversion.js";

const make = (name: string, from: string, to: string): [string, CatalogConverter] => {
  const raw = { format: 1, name, title: name, version: "1", from, to, tool: "some", args: [], outputs: { model: "m" } };
  return [name, { folder: `/${name}`, converter: converter.parse(raw) }];
};
const graph = new Map([
  make("fold", "onnx", "onnx-static"),
  make("onnx2tf", "onnx-static", "tflite"),
  make("onnx2tf-b", "onnx-static", "tflite"),
  make("pnnx", "onnx", "ncnn"),
  make("back", "ncnn", "onnx"),
  make("slim", "tflite", "armnn"),
]);
const path = (accepts: readonly string[], from = "onnx") =>
  conversionPath(graph, { model: "det", from, engine: "Some Engine", accepts }).map(({ converter }) => converter.name);

t.test("the shortest way to the best format that can be reached", async (t) => {
  t.same(path(["onnx"]), [], "nothing is converted for an engine that reads the format itself");
  t.same(path(["ncnn"]), ["pnnx"]);
  t.same(path(["tflite"]), ["fold", "onnx2tf"], "the first by name of two that do the same");
  t.same(
    path(["nowhere", "armnn", "onnx"]),
    ["fold", "onnx2tf", "slim"],
    "the order of `accepts` counts, not the length",
  );
  t.same(path(["tflite"], "tflite"), []);
  t.same(path(["tflite"], "ncnn"), ["back", "fold", "onnx2tf"]);
});

t.test("a format that cannot be reached is an error that says what was wanted", async (t) => {
  t.throws(() => path(["onnx"], "tflite"), {
    code: "ERR_EDGEIMG_MODEL_FORMAT",
    message: "Model det is tflite, and nothing makes what Some Engine reads of it: onnx.",
  });
});

t.test("a converter that tells no names of ports keeps those of the one before it", async (t) => {
  t.same(portNames({}, { inputBlob: "in{index}", outputBlob: "out{index}" }), {
    inputBlob: "in{index}",
    outputBlob: "out{index}",
  });
  t.match(portNames({ inputBlob: "x{index}" }, { inputBlob: "in{index}" }), { inputBlob: "x{index}" });
  t.same(portNames({}, undefined), { inputBlob: undefined, outputBlob: undefined }, "the model's own");
});

t.test("a converter that names no known tool is told the nearest", async (t) => {
  const one = graph.get("pnnx") as CatalogConverter;
  const tool = { format: 1 as const, name: "sone", title: "", version: "", homepage: "", license: "" };
  const environment = { kind: "debian" as const, packages: ["x"], program: "usr/bin/x" };
  const tools = new Map([["sone", { tool: { ...tool, environment }, folder: "/sone" }]]);
  t.throws(() => toolOf({ tools }, one), { code: "ERR_EDGEIMG_CATALOG_INVALID", hint: "Did you mean sone?" });
  const named: Converter = { ...one.converter, tool: "sone" };
  const expected = { name: "sone", environment, folder: "/sone", local: "tools/sone" };
  t.same(toolOf({ tools }, { ...one, converter: named }), expected);
  const own: Converter = { ...one.converter, tool: environment };
  t.same(toolOf({ tools }, { ...one, converter: own }), {
    ...{ name: "pnnx", environment, folder: "/pnnx", local: "converters/pnnx" },
  });
});
