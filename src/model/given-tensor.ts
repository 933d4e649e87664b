import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type NpyArray, npyTypeName } from "../formats/npy.js";
import { indexOf } from "./compare.js";
import { type ElementType, elementSize, type Tensor } from "./tensor.js";
import { writeValue } from "./test-input.js";

const integerLimits: Readonly<Record<Exclude<ElementType, "f32">, readonly [bigint, bigint]>> = {
  i8: [-128n, 127n],
  u8: [0n, 255n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
};

const numpyNames: Readonly<Record<ElementType, string>> = {
  f32: "float32",
  i8: "int8",
  u8: "uint8",
  i32: "int32",
  i64: "int64",
};

export interface GivenPort {
  readonly name: string;
  readonly type: ElementType;
  /** How messages begin: "Model m, input x, tests/x.npy". */
  readonly called: string;
  /** The project's key that names the file. */
  readonly key: readonly string[];
  /** Golden outputs hold no NaN: nothing can be judged by it. */
  readonly isGolden: boolean;
}

/**
 * An array of a file as a port's tensor: whole numbers and booleans for whole numbers when each fits, floating ones for f32, float64 rounded.
 * Throws ERR_EDGEIMG_MODEL_TYPE for another kind of numbers, ERR_EDGEIMG_MODEL_INPUTS or _GOLDEN for the first value that does not fit.
 */
export function givenTensor(array: NpyArray, { name, type, called, key, isGolden }: GivenPort): Tensor {
  const { kind, size, shape } = array;
  if ((kind === "f") !== (type === "f32"))
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_TYPE", `${called} holds ${npyTypeName(array)}, the model has ${type}.`, {
      key,
      hint: `Save it as array.astype(numpy.${numpyNames[type]}).`,
    });
  const count = array.data.length / size;
  const source = new DataView(array.data.buffer, array.data.byteOffset, array.data.byteLength);
  const data = new Uint8Array(count * elementSize[type]);
  const view = new DataView(data.buffer);
  const refuse = (index: number, value: number | bigint, why: string): never => {
    throw new EdgeimgError(
      isGolden ? "ERR_EDGEIMG_MODEL_GOLDEN" : "ERR_EDGEIMG_MODEL_INPUTS",
      `${called}: the value ${value} at [${indexOf(index, shape).join(", ")}] ${why}.`,
      { key, hint: "Correct the value and save the file again." },
    );
  };
  for (let index = 0; index < count; index++) {
    if (kind === "f") {
      const value = floatAt(source, index, size);
      if (isGolden && Number.isNaN(value)) refuse(index, value, "is not a number: no result can be judged by it");
      if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) refuse(index, value, "is too large for f32");
      view.setFloat32(index * 4, value, true);
    } else if (type !== "f32") {
      const value = integerAt(source, index, array);
      const [least, most] = integerLimits[type];
      if (value < least || value > most) refuse(index, value, `does not fit ${type}, ${least} to ${most}`);
      if (type === "i64") view.setBigInt64(index * 8, value, true);
      else writeValue(view, index, type, Number(value));
    }
  }
  return { name, type, shape, data };
}

function floatAt(view: DataView, index: number, size: number): number {
  if (size === 8) return view.getFloat64(index * 8, true);
  if (size === 4) return view.getFloat32(index * 4, true);
  // IEEE 754 binary16.
  const bits = view.getUint16(index * 2, true);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function integerAt(view: DataView, index: number, { kind, size }: Pick<NpyArray, "kind" | "size">): bigint {
  const at = index * size;
  if (kind === "b") return view.getUint8(at) === 0 ? 0n : 1n;
  const isSigned = kind === "i";
  if (size === 1) return BigInt(isSigned ? view.getInt8(at) : view.getUint8(at));
  if (size === 2) return BigInt(isSigned ? view.getInt16(at, true) : view.getUint16(at, true));
  if (size === 4) return BigInt(isSigned ? view.getInt32(at, true) : view.getUint32(at, true));
  return isSigned ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
}
