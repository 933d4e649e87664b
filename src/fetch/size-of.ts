import { stat } from "node:fs/promises";

/** Bytes of a file; 0 when there is none. */
export async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (found) => found.size,
    () => 0,
  );
}
