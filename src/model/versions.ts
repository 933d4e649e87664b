import { hostReference } from "../catalog/check.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { OnnxFile } from "../formats/onnx.js";

/** The newest ONNX that the runtime on the host and on the board reads. */
export interface NewestOnnx {
  /** Of onnxruntime. */
  readonly version: string;
  readonly ir: number;
  readonly opset: number;
}

/** Throws ERR_EDGEIMG_MODEL_VERSION for a file that is newer, with how to export it; an old one is left to onnxruntime. */
export function checkVersions(
  { irVersion, opsets, producer, functions }: OnnxFile,
  newest: NewestOnnx,
  called: string,
): void {
  const opset = opsets.get("");
  const by = producer === "" ? "" : ` (written by ${producer})`;
  const fail = (message: string, hint: string): never => {
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_VERSION", `${called}${by} ${message}`, { hint });
  };
  const exported = `torch.onnx.export(..., opset_version=${newest.opset})`;
  const converted = `onnx.version_converter.convert_version(model, ${newest.opset})`;
  if (opset !== undefined && opset > newest.opset)
    fail(
      `has opset ${opset}${irVersion > newest.ir ? ` and IR version ${irVersion}` : ""}; the newest that ${hostReference} ${newest.version} runs is opset ${newest.opset} with IR version ${newest.ir}.`,
      `Export it with ${exported}, or convert the file: model = ${converted}; model.ir_version = ${newest.ir}.`,
    );
  if (irVersion > newest.ir)
    fail(
      `has IR version ${irVersion}; the newest that ${hostReference} ${newest.version} reads is ${newest.ir}.`,
      `Its operators (opset ${opset ?? "unknown"}) are known: set model.ir_version = ${newest.ir} before onnx.save, or pass ir_version=${newest.ir} to onnx.helper.make_model.`,
    );
  if (irVersion < 1 || (opset === undefined && opsets.size === 0 && irVersion >= 3 && functions.size === 0))
    fail(
      irVersion < 1 ? "states no IR version." : "imports no operator set.",
      "Pass it through onnx.checker.check_model, which names what is missing, and export it again.",
    );
}
