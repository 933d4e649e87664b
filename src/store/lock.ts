import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256Text } from "../ground/canonical.js";

/**
 * Runs `work` while no other process of this machine holds the same lock.
 *
 * The lock is an abstract Unix socket (unix(7)): the kernel frees it when its owner dies, however it dies, so there is no
 * stale lock file to judge.
 */
export async function withLock<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const name = `\0edgeimg-${sha256Text(key).slice(0, 40)}`;
  let server = await tryListen(name);
  while (server === undefined) {
    await sleep(100, undefined, { signal });
    server = await tryListen(name);
  }
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function tryListen(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return await new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server));
  });
}
