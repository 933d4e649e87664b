import { prepare, variant } from "edge:kernels";
import { report } from "edge:process";
import { examples } from "./layers.js";

/** FNV-1a over the bytes, in hexadecimal. */
function checksum(array: Int8Array | Uint8Array | Int32Array): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

for (const { layer, input } of examples) {
  const prepared = await prepare(layer);
  // The first run brings memory in; the second is the time.
  const output = await prepared.run(input);
  const start = performance.now();
  await prepared.run(input, output);
  report("result", {
    bits: layer.bits,
    checksum: checksum(output),
    ms: Math.round((performance.now() - start) * 1000) / 1000,
    variant: variant(),
    kernel: prepared.kernel,
    shape: prepared.shape,
    packedBytes: prepared.packedBytes,
  });
}
report("ready");
