import type { NetworkFile } from "./network-file.js";

/**
 * Runs a network of whole numbers one number at a time: what recipes/engines/edge/net.h says, written anew and without its kernels. Sums are
 * exact in floating point of 64 bits, which holds them to 2^53; products beyond that are of BigInt.
 */

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** floor((a * b + 2^30) / 2^31), exactly: a below 2^32, b below 2^31. */
function highProduct(a: number, b: number): number {
  const upper = a * Math.floor(b / 65536);
  const whole = Math.floor(upper / 32768);
  return whole + Math.floor(((upper - whole * 32768) * 65536 + a * (b % 65536) + 2 ** 30) / 2 ** 31);
}

const roundedShift = (value: number, shift: number): number =>
  shift === 0 ? value : Math.floor((value + 2 ** (shift - 1)) / 2 ** shift);

/** EDGE_REQUANT_FIXED of edge_kernels.h. */
function requantized(sum: number, multiplier: number, shift: number): number {
  const wide = shift < 0 ? clamp(sum * 2 ** -shift, -(2 ** 31), 2 ** 31 - 1) : sum;
  return roundedShift(highProduct(wide, multiplier), Math.max(shift, 0));
}

const roundEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};

/** One number behind the other, as four sizes and four steps say. */
function* places(params: readonly number[]): Generator<number> {
  const [n0 = 1, n1 = 1, n2 = 1, n3 = 1, s0 = 0, s1 = 0, s2 = 0, s3 = 0] = params;
  for (let a = 0; a < n0; a++)
    for (let b = 0; b < n1; b++)
      for (let c = 0; c < n2; c++) for (let d = 0; d < n3; d++) yield a * s0 + b * s1 + c * s2 + d * s3;
}

/** Sides of a window over a picture. */
interface Windows {
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
}

function outputSize({ size, kernel, stride, dilation, pad }: Windows): [number, number] {
  const side = (axis: 0 | 1, before: number, after: number) =>
    Math.floor((size[axis] + before + after - (kernel[axis] - 1) * dilation[axis] - 1) / stride[axis]) + 1;
  return [side(0, pad[0], pad[2]), side(1, pad[1], pad[3])];
}

/** The cells of the window of an output pixel: which one of the kernel, and which of the picture, or -1 outside of it. */
function* cells({ size, kernel, stride, dilation, pad }: Windows, y: number, x: number): Generator<[number, number]> {
  for (let i = 0; i < kernel[0]; i++)
    for (let j = 0; j < kernel[1]; j++) {
      const v = y * stride[0] - pad[0] + i * dilation[0];
      const u = x * stride[1] - pad[1] + j * dilation[1];
      yield [i * kernel[1] + j, v >= 0 && v < size[0] && u >= 0 && u < size[1] ? v * size[1] + u : -1];
    }
}

type Codes = Uint8Array;

/** Weights as the sums count them: those of 2 bits with an odd `zero2` twice. */
function weightsOf(
  bytes: Uint8Array,
  count: number,
  how: { readonly form: number; readonly zero2: number },
): Int8Array {
  const { form, zero2 } = how;
  // Bits of a weight, by edge_weight_format.
  const bits = [8, 4, 2, 1][form] ?? 8;
  return Int8Array.from({ length: count }, (_, index) => {
    const at = index * bits;
    const code = ((bytes[at >> 3] ?? 0) >> (at & 7)) & (2 ** bits - 1);
    if (form === 3) return code * 2 - 1;
    if (form === 2) return zero2 % 2 === 0 ? code - zero2 / 2 : code * 2 - zero2;
    return code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  });
}

function convolution({ view, bytes }: NetworkFile, p: readonly number[], from: Codes): Codes {
  const [batch = 0, h = 0, w = 0, channels = 0, outputs = 0, kh = 0, kw = 0, sh = 0, sw = 0, dh = 0, dw = 0] = p;
  const [pt = 0, pl = 0, pb = 0, pr = 0, groups = 1, , form = 0, zero2 = 0] = p.slice(11);
  const [inputZero = 0, zero = 0, low = 0, high = 0, weights = 0, bias = 0, multipliers = 0, shifts = 0] = p.slice(19);
  const windows: Windows = {
    ...{ size: [h, w], kernel: [kh, kw], stride: [sh, sw], dilation: [dh, dw], pad: [pt, pl, pb, pr] },
  };
  const [height, width] = outputSize(windows);
  const [ofGroup, perGroup] = [channels / groups, outputs / groups];
  const weight = weightsOf(bytes.subarray(weights), outputs * kh * kw * ofGroup, { form, zero2 });
  const result = new Uint8Array(batch * height * width * outputs);
  let to = 0;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const inside = [...cells(windows, y, x)].filter(([, cell]) => cell >= 0);
        for (let o = 0; o < outputs; o++) {
          const first = Math.floor(o / perGroup) * ofGroup;
          let sum = view.getInt32(bias + o * 4, true);
          for (const [k, cell] of inside) {
            const source = (n * h * w + cell) * channels + first;
            const factor = (o * kh * kw + k) * ofGroup;
            for (let c = 0; c < ofGroup; c++) sum += ((from[source + c] ?? 0) - inputZero) * (weight[factor + c] ?? 0);
          }
          const scaled = requantized(
            sum,
            view.getInt32(multipliers + o * 4, true),
            view.getInt32(shifts + o * 4, true),
          );
          result[to++] = clamp(scaled + zero, low, high);
        }
      }
  return result;
}

function pool(p: readonly number[], from: Codes, average: boolean): Codes {
  const [batch = 0, h = 0, w = 0, channels = 0, kh = 0, kw = 0, sh = 0, sw = 0, pt = 0, pl = 0, pb = 0, pr = 0] = p;
  const [inputZero = 0, multiplier = 0, shift = 0, zero = 0, low = 0, high = 0] = p.slice(12);
  const windows: Windows = {
    ...{ size: [h, w], kernel: [kh, kw], stride: [sh, sw], dilation: [1, 1], pad: [pt, pl, pb, pr] },
  };
  const [height, width] = outputSize(windows);
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) {
          const codes = [...cells(windows, y, x)].flatMap(([, cell]) =>
            cell < 0 ? [] : [from[(n * h * w + cell) * channels + c] ?? 0],
          );
          const sum = codes.reduce((total, code) => total + code - inputZero, 0);
          result.push(average ? clamp(requantized(sum, multiplier, shift) + zero, low, high) : Math.max(...codes));
        }
  return Uint8Array.from(result);
}

function addition(p: readonly number[], a: Codes, b: Codes): Codes {
  const [za = 0, ma = 0, zb = 0, mb = 0, shift = 0, zero = 0, low = 0, high = 0] = p;
  const part = (difference: number, multiplier: number) => highProduct(difference * 65536, multiplier);
  return a.map((code, index) =>
    clamp(roundedShift(part(code - za, ma) + part((b[index] ?? 0) - zb, mb), shift) + zero, low, high),
  );
}

function product(p: readonly number[], a: Codes, b: Codes): Codes {
  const [, pixels = 1, channels = 1, ofB = 1, za = 0, zb = 0, multiplier = 0, shift = 1, zero = 0, low = 0, high = 0] =
    p;
  return a.map((code, index) => {
    const [row, c] = [Math.floor(index / channels), index % channels];
    const other = (ofB === 1 ? Math.floor(row / pixels) : row) * channels + c;
    const number = BigInt((code - za) * ((b[other] ?? 0) - zb)) * BigInt(multiplier) + (1n << BigInt(shift - 1));
    return clamp(Number(number >> BigInt(shift)) + zero, low, high);
  });
}

function concatenation([outer = 0, ...sizes]: readonly number[], inputs: readonly Codes[]): Codes {
  const rows = Array.from({ length: outer }, (_, row) =>
    inputs.flatMap((input, index) => {
      const size = sizes[index] ?? 0;
      return [...input.subarray(row * size, (row + 1) * size)];
    }),
  );
  return Uint8Array.from(rows.flat());
}

function resized([batch = 0, h = 0, w = 0, channels = 0, height = 0, width = 0]: readonly number[], from: Codes) {
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const cell = (n * h + Math.floor((y * h) / height)) * w + Math.floor((x * w) / width);
        result.push(...from.subarray(cell * channels, (cell + 1) * channels));
      }
  return Uint8Array.from(result);
}

function quantized([bits = 0, zero = 0, ...loops]: readonly number[], from: Float32Array): Codes {
  const [scale = 1] = new Float32Array(Int32Array.of(bits).buffer);
  const codes = [...places(loops)].map((place) =>
    clamp(roundEven(Math.fround((from[place] ?? 0) / scale)) + zero, 0, 255),
  );
  return Uint8Array.from(codes);
}

function softmax({ view }: NetworkFile, [table = 0, rows = 0, columns = 0]: readonly number[], from: Codes) {
  const result: number[] = [];
  for (let row = 0; row < rows; row++) {
    const codes = [...from.subarray(row * columns, (row + 1) * columns)];
    const most = Math.max(...codes);
    const worth = codes.map((code) => view.getUint32(table + (most - code) * 4, true));
    const sum = worth.reduce((total, one) => total + one, 0);
    result.push(...worth.map((one) => one / sum));
  }
  return Float32Array.from(result);
}

/** What each layer gives, in their order: codes, or the floats of an output. */
export function runReference(network: NetworkFile, inputs: readonly Float32Array[]): (Codes | Float32Array)[] {
  const { view, bytes, tensors } = network;
  const values = new Map<number, Codes>();
  return network.layers.map((layer) => {
    const { kind, params: p } = layer;
    const [first = 0] = layer.inputs;
    const of = (index: number) => values.get(layer.inputs[index] ?? 0) ?? new Uint8Array();
    const [table = 0] = p;
    const result = ((): Codes | Float32Array => {
      switch (kind) {
        case 1:
          return quantized(p, inputs[first - tensors.length] ?? new Float32Array());
        case 2:
          return convolution(network, p, of(0));
        case 3:
          return of(0).map((code) => bytes[table + code] ?? 0);
        case 4:
          return addition(p, of(0), of(1));
        case 5:
          return product(p, of(0), of(1));
        case 6:
        case 7:
          return pool(p, of(0), kind === 7);
        case 8:
          return concatenation(
            p,
            layer.inputs.map((_, index) => of(index)),
          );
        case 9:
          return resized(p, of(0));
        case 10:
          return Uint8Array.from([...places(p)].map((place) => of(0)[place] ?? 0));
        case 11:
          return Float32Array.from(
            [...places(p.slice(1))].map((place) => view.getFloat32(table + (of(0)[place] ?? 0) * 4, true)),
          );
        case 12:
          return softmax(network, p, of(0));
        default:
          throw new Error(`a layer of the unknown kind ${kind}`);
      }
    })();
    if (result instanceof Uint8Array) values.set(layer.output, result);
    return result;
  });
}
