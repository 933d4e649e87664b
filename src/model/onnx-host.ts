/**
 * A small CommonJS program for `node --eval`: loads onnxruntime-node's native binding directly and talks in JSON. It is
 * a process of its own because a model may bring the library down, and text because it must run the same from sources
 * and from the compiled package. Of onnxruntime-common it needs only a class with these fields.
 *
 * stdin: {binding, model, options, runs: [{inputs: [{name, type, shape, file}], outputs: folder}]}; file and folder are paths.
 * stdout, last line: {inputs, outputs, runs: [{outputs: [{name, type, shape, file}]} or {error}]} or {stage, error}.
 */
export const onnxHostProgram = `"use strict";
const fs = require("node:fs");
const path = require("node:path");
const names = ["", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
  "float64", "uint32", "uint64"];
const arrays = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array, int64: BigInt64Array };
class Tensor {
  constructor(type, data, dims) {
    this.type = type;
    this.data = data;
    this.dims = dims;
    this.location = "cpu";
  }
}
const describe = (port) => ({
  name: port.name,
  type: port.isTensor ? names[port.type] || "" : "",
  shape: port.isTensor ? port.shape.map((size) => (size < 0 ? null : size)) : [],
});
let stage = "start";
const answer = (value) => fs.writeSync(1, "\\n" + JSON.stringify(value) + "\\n");
try {
  const request = JSON.parse(fs.readFileSync(0, "utf8"));
  const binding = require(request.binding);
  binding.initOrtOnce(4, Tensor);
  stage = "load";
  const session = new binding.InferenceSession();
  session.loadModel(request.model, {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: request.options,
  });
  const inputs = session.inputMetadata.map(describe);
  const outputs = session.outputMetadata.map(describe);
  stage = "run";
  const fetches = Object.fromEntries(outputs.map((output) => [output.name, null]));
  const runs = request.runs.map((run) => {
    const feeds = {};
    for (const input of run.inputs) {
      const bytes = new Uint8Array(fs.readFileSync(input.file));
      const type = inputs.find((port) => port.name === input.name).type;
      feeds[input.name] = new Tensor(type, new arrays[type](bytes.buffer), input.shape);
    }
    let results;
    try {
      results = session.run(feeds, fetches, {});
    } catch (error) {
      return { error: String(error && error.message ? error.message : error) };
    }
    return {
      outputs: outputs.map(({ name }, index) => {
        const { type, dims, data } = results[name];
        const file = path.join(run.outputs, index + ".bin");
        fs.writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        return { name, type, shape: Array.from(dims), file };
      }),
    };
  });
  answer({ inputs, outputs, runs });
} catch (error) {
  answer({ stage, error: String(error && error.message ? error.message : error) });
}
`;
