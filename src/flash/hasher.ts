import { Worker } from "node:worker_threads";

/** sha256 of one range after the other. */
export interface Hasher {
  /** Adds bytes to the range; shared memory may be changed again once this has ended. */
  readonly update: (bytes: Uint8Array) => Promise<void>;
  /** The hash of what was added since the last one, in hexadecimal. */
  readonly digest: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/** A program in itself, so that it starts wherever our modules lie and whoever loads them. */
const program = `
const { createHash } = require("node:crypto");
const { parentPort } = require("node:worker_threads");
let hash = createHash("sha256");
parentPort.on("message", (bytes) => {
  if (bytes !== null) {
    hash.update(bytes);
    parentPort.postMessage("");
    return;
  }
  parentPort.postMessage(hash.digest("hex"));
  hash = createHash("sha256");
});
`;

/** Hashes in a thread of its own, beside reading and writing: it takes as long as a fast drive does. */
export function threadHasher(): Hasher {
  const worker = new Worker(program, { eval: true });
  const waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  worker.on("message", (answer: string) => waiting.shift()?.resolve(answer));
  let failure: Error | undefined;
  worker.on("error", (error) => {
    failure = error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  const ask = (message: Uint8Array | null) =>
    new Promise<string>((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      waiting.push({ resolve, reject });
      worker.postMessage(message);
    });
  return {
    update: async (bytes) => void (await ask(bytes)),
    digest: () => ask(null),
    close: async () => void (await worker.terminate()),
  };
}
