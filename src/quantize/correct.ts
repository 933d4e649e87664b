/**
 * Bias correction (arXiv 1906.04721): rounded weights give sums that are wrong on average by the weights' error times what the layer takes on average; the
 * bias takes that back.
 */

export interface CorrectionJob {
  readonly op: string;
  /** As they are, and as they are rounded. */
  readonly values: Float32Array;
  readonly rounded: Float32Array;
  readonly shape: readonly number[];
  /** The dimension of the outputs. */
  readonly axis: number;
  readonly groups: number;
  /** The mean of each channel that the layer takes. */
  readonly means: readonly number[];
}

/** What each output is too large by on average; undefined for a layer of which that is not known. */
export function meanError({
  op,
  values,
  rounded,
  shape,
  axis,
  groups,
  means,
}: CorrectionJob): Float64Array | undefined {
  if (op !== "Conv" && op !== "Gemm") return undefined;
  const outputs = shape[axis] ?? 0;
  const taken = shape[1 - axis] ?? 0;
  if (means.length !== taken * groups || outputs === 0) return undefined;
  const inner = shape.slice(2).reduce((product, size) => product * size, 1);
  const errors = new Float64Array(outputs);
  for (let index = 0; index < values.length; index++) {
    const row = Math.floor(index / inner);
    const [first, second] = [Math.floor(row / (shape[1] ?? 1)), row % (shape[1] ?? 1)];
    const [output, input] = axis === 0 ? [first, second] : [second, first];
    const group = Math.floor(output / (outputs / groups));
    const error = (rounded[index] ?? 0) - (values[index] ?? 0);
    errors[output] = (errors[output] ?? 0) + error * (means[group * taken + input] ?? 0);
  }
  return errors;
}
