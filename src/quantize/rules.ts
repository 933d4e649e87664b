/** Which operators are quantized, and how: one table. An operator that is not in it stays in floating point. */

/** An operator that multiplies by constant weights. */
export interface WeightRule {
  /** Where its channels are among the dimensions of its weights; the last one when negative. */
  readonly axis: (attributes: { readonly integer: (name: string) => number | undefined }) => number;
  /** Whether engines have it for whole numbers: else its weights alone are quantized, and it computes in floating point. */
  readonly integers: boolean;
  /** Operators that are part of it where they alone take its result: only what comes of them is quantized. */
  readonly tail: readonly string[];
}

export const weightRules: Readonly<Record<string, WeightRule>> = {
  Conv: { axis: () => 0, integers: true, tail: ["Relu", "Clip"] },
  ConvTranspose: { axis: () => 1, integers: false, tail: [] },
  Gemm: { axis: ({ integer }) => (integer("transB") === 1 ? 0 : 1), integers: true, tail: ["Relu", "Clip"] },
  // The bias of a product is an Add.
  MatMul: { axis: () => -1, integers: true, tail: ["Add", "Relu", "Clip"] },
};

/** Operators that compute with whole numbers when all that they take is quantized: what they give is quantized, too. */
export const valueOperators: ReadonlySet<string> = new Set([
  "Add",
  "Mul",
  "Concat",
  "AveragePool",
  "GlobalAveragePool",
]);

/** Operators that only move values or leave some out: what they give has the scale of what they take. */
export const movingOperators: ReadonlySet<string> = new Set([
  ...["MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze"],
]);
