/** Block size that every direct write and read is aligned to: no drive has larger logical sectors. Bytes. */
export const alignment = 4096;

/** The part of the standard's interface that is used; its types come only with a browser's. */
declare const WebAssembly: {
  readonly Memory: new (size: {
    initial: number;
    maximum: number;
    shared: boolean;
  }) => { readonly buffer: SharedArrayBuffer };
};

/** The unit of a WebAssembly memory. Bytes. */
const wasmPage = 65_536;

/**
 * Buffers whose memory begins at a page: O_DIRECT wants that, and Node's own buffers begin anywhere. A WebAssembly memory is mapped by
 * pages, so it needs no native code. Threads share it.
 */
export function alignedBuffers(count: number, size: number): Uint8Array[] {
  const pages = Math.ceil((count * size) / wasmPage);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return Array.from({ length: count }, (_, index) => new Uint8Array(memory.buffer, index * size, size));
}
