import type { AccuracyFile } from "../quantize/accuracy.js";
import type { LayersFile, LossFile } from "../quantize/report.js";

/** A model quantized in one way, and what it loses. */
export interface QuantizedWay extends Pick<LayersFile, "bytes" | "layers" | "floats"> {
  /** The project's own, or the name of another one. */
  readonly way: string;
  /** How, in words. */
  readonly settings: {
    readonly weights: number;
    readonly activations: number | "float";
    readonly scales: string;
    readonly method: string | undefined;
  };
  /** Null without inputs to measure it with. */
  readonly loss: (Omit<LossFile, "tensors"> & { readonly tensors?: undefined }) | null;
  /** How right the app's answers are; null where nothing judges them. */
  readonly accuracy: AccuracyFile | null;
  /** Tensors by what they lose, the worst first. */
  readonly tensors: LossFile["tensors"];
}

/** `quantize.json`. */
export interface QuantizeReport {
  readonly format: 1;
  readonly edgeimg: string;
  readonly project: string;
  readonly models: readonly {
    readonly name: string;
    readonly maxLoss: number | undefined;
    readonly ways: readonly QuantizedWay[];
  }[];
}
