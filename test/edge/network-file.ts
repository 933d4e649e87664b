/** A network of whole numbers, as recipes/engines/edge/net.h describes its file. Read without any check: the files are our own. */
export interface NetworkLayer {
  readonly kind: number;
  readonly name: string;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly params: readonly number[];
}

export interface NetworkPort {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface NetworkFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Bytes of each tensor. */
  readonly tensors: readonly number[];
  readonly layers: readonly NetworkLayer[];
  readonly inputs: readonly NetworkPort[];
  readonly outputs: readonly NetworkPort[];
}

export function readNetwork(file: Uint8Array): NetworkFile {
  const bytes = new Uint8Array(file);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number) => view.getUint32(at, true);
  const text = (at: number) => new TextDecoder().decode(bytes.subarray(u32(at), u32(at) + u32(at + 4)));
  const many = <T>(at: number, size: number, read: (at: number) => T) =>
    Array.from({ length: u32(at) }, (_, index) => read(u32(at + 4) + index * size));
  const port = (at: number): NetworkPort => ({
    name: text(at),
    shape: Array.from({ length: u32(at + 8) }, (_, index) => u32(at + 12 + index * 4)),
  });
  return {
    bytes,
    view,
    tensors: many(24, 8, (at) => u32(at + 4)),
    layers: many(32, 32, (at) => ({
      kind: u32(at),
      name: text(at + 4),
      inputs: Array.from({ length: u32(at + 16) }, (_, index) => u32(u32(at + 12) + index * 4)),
      output: u32(at + 20),
      params: Array.from({ length: u32(at + 28) }, (_, index) => view.getInt32(u32(at + 24) + index * 4, true)),
    })),
    inputs: many(40, 44, port),
    outputs: many(48, 44, port),
  };
}
