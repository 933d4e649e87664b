/** A convolution on integers as the definitions of recipes/kernels/include/edge_kernels.h say it, written for reading. */
export interface IntegerConv {
  readonly input: readonly [number, number, number, number];
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pad: readonly [number, number, number, number];
  readonly groups: number;
  /** What a weight's and an input's code stand for; the value of padding. */
  readonly weight: (code: number) => number;
  readonly value: (code: number) => number;
  readonly padding: number;
}

/** Sums in batch x height x width x outputs; `bias` is one an output channel. */
export function integerConv(
  conv: IntegerConv,
  weights: readonly number[],
  { input, bias }: { readonly input: readonly number[]; readonly bias: readonly number[] },
): number[] {
  const [batch, height, width, channels] = conv.input;
  const [kernelHeight, kernelWidth] = conv.kernel;
  const [top, left, bottom, right] = conv.pad;
  const rows = outSide(height + top + bottom, { kernel: kernelHeight, at: 0, conv });
  const columns = outSide(width + left + right, { kernel: kernelWidth, at: 1, conv });
  const depth = channels / conv.groups;
  const sums: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++)
        for (let o = 0; o < conv.outputs; o++) {
          const first = Math.floor(o / (conv.outputs / conv.groups)) * depth;
          let sum = bias[o] ?? 0;
          for (let ky = 0; ky < kernelHeight; ky++)
            for (let kx = 0; kx < kernelWidth; kx++)
              for (let i = 0; i < depth; i++) {
                const iy = y * conv.stride[0] + ky * conv.dilation[0] - top;
                const ix = x * conv.stride[1] + kx * conv.dilation[1] - left;
                const inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
                const code = input[((n * height + iy) * width + ix) * channels + first + i] ?? 0;
                const weight = weights[((o * kernelHeight + ky) * kernelWidth + kx) * depth + i] ?? 0;
                sum += (inside ? conv.value(code) : conv.padding) * conv.weight(weight);
              }
          sums.push(sum);
        }
  return sums;
}

function outSide(room: number, { kernel, at, conv }: { kernel: number; at: 0 | 1; conv: IntegerConv }): number {
  return Math.floor((room - ((kernel - 1) * conv.dilation[at] + 1)) / conv.stride[at]) + 1;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** (x + 2^(shift - 1)) >> shift */
export const roundedShift = (value: number, shift: number): number => Math.floor(value / 2 ** shift + (shift && 0.5));

/** gemmlowp's fixed point: the high half of 2 * sum * multiplier, rounded, then the rounded shift. */
export function fixedPoint(sum: number, multiplier: number, shift: number): number {
  const high = (2n * BigInt(sum) * BigInt(multiplier) + (1n << 31n)) >> 32n;
  return roundedShift(Number(high), shift);
}

/** Single precision, half to even. */
export function scaled(sum: number, scale: number): number {
  const product = Math.fround(Math.fround(sum) * Math.fround(scale));
  const floor = Math.floor(product);
  const rest = product - floor;
  if (rest !== 0.5) return Math.round(product);
  return floor % 2 === 0 ? floor : floor + 1;
}
