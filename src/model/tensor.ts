import type { Shape } from "./shapes.js";

/** Element types of the runtime (edge_nn.h), as model.edge writes them. */
export const elementTypes = ["f32", "i8", "u8", "i32", "i64"] as const;
export type ElementType = (typeof elementTypes)[number];

/** Bytes of one element. */
export const elementSize: Readonly<Record<ElementType, number>> = { f32: 4, i8: 1, u8: 1, i32: 4, i64: 8 };

export function isElementType(text: string): text is ElementType {
  return elementTypes.some((type) => type === text);
}

/** A dense row-major tensor; `data` holds elements(shape) * elementSize[type] bytes, little-endian. */
export interface Tensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: Uint8Array;
}

/** The elements as numbers. i64 beyond 2^53 loses its last digits. */
export function numbers(tensor: Pick<Tensor, "type" | "data">): ArrayLike<number> {
  const { data, type } = tensor;
  const copy = data.slice().buffer;
  switch (type) {
    case "f32":
      return new Float32Array(copy);
    case "i8":
      return new Int8Array(copy);
    case "u8":
      return new Uint8Array(copy);
    case "i32":
      return new Int32Array(copy);
    case "i64":
      return Array.from(new BigInt64Array(copy), Number);
  }
}
