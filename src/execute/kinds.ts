import { answersKind } from "../steps/answers.js";
import { bundleKind, typecheckKind } from "../steps/app.js";
import { assembleKind } from "../steps/assemble.js";
import { bmapKind } from "../steps/bmap.js";
import { calibrateModelKind } from "../steps/calibrate-model.js";
import { checkModelKind } from "../steps/check-model.js";
import { fetchKind } from "../steps/fetch.js";
import { imagerKind } from "../steps/imager.js";
import { instructionsKind } from "../steps/instructions.js";
import { kernelModulesKind } from "../steps/kernel-modules.js";
import type { StepKind } from "../steps/kind.js";
import { licenceKind } from "../steps/licence.js";
import { composeKind, localKind } from "../steps/local.js";
import { measureModelKind } from "../steps/measure-model.js";
import { modelKind } from "../steps/model.js";
import { modelCasesKind } from "../steps/model-cases.js";
import { modelFileKind } from "../steps/model-file.js";
import { modelPortsKind } from "../steps/model-ports.js";
import { modelShapesKind } from "../steps/model-shapes.js";
import { modelTypesKind } from "../steps/model-types.js";
import { modelValuesKind } from "../steps/model-values.js";
import { onnxKind } from "../steps/onnx.js";
import { operatorsKind } from "../steps/operators.js";
import { patchKind } from "../steps/patch.js";
import { quantizeAccuracyKind } from "../steps/quantize-accuracy.js";
import { quantizeLossKind } from "../steps/quantize-loss.js";
import { quantizeModelKind } from "../steps/quantize-model.js";
import { recordAppKind } from "../steps/record-app.js";
import { reportKind } from "../steps/report.js";
import { rootKind } from "../steps/root.js";
import { runKind } from "../steps/run.js";
import { runModelKind } from "../steps/run-model.js";
import { unpackKind } from "../steps/unpack.js";

const kinds: readonly StepKind[] = [
  answersKind,
  assembleKind,
  bmapKind,
  bundleKind,
  calibrateModelKind,
  checkModelKind,
  imagerKind,
  instructionsKind,
  kernelModulesKind,
  licenceKind,
  measureModelKind,
  modelFileKind,
  modelKind,
  modelCasesKind,
  modelPortsKind,
  modelShapesKind,
  modelTypesKind,
  modelValuesKind,
  onnxKind,
  operatorsKind,
  patchKind,
  quantizeAccuracyKind,
  quantizeLossKind,
  quantizeModelKind,
  recordAppKind,
  reportKind,
  typecheckKind,
  fetchKind,
  localKind,
  composeKind,
  unpackKind,
  rootKind,
  runKind,
  runModelKind,
];

const byName = new Map(kinds.map((kind) => [kind.name, kind]));

/** The kind of a step. An unknown one is a bug: plans are made by this program. */
export function findKind(name: string): StepKind {
  const kind = byName.get(name);
  if (kind === undefined) throw new Error(`no kind of step is called ${name}`);
  return kind;
}
