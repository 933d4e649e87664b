import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { sha256Text } from "../ground/canonical.js";

export interface LockRequest {
  /** Where locks lie: the same folder for all who exclude one another. */
  readonly folder: string;
  readonly key: string;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` while no other process holds the same lock, in whatever container it runs, as long as it sees the same folder and runs on
 * the same kernel.
 *
 * Who wants a lock shows a listening Unix socket in the folder, under a name that nobody else ever has, and then looks for others of the same
 * key. Whoever sees none holds the lock: another must have come later, and sees this one. Both may see each other; then both step back for
 * a random time. A socket file that refuses connections is of a process that has died, however it died (unix(7)), be it before a reboot, and
 * is removed. No number of a process is looked at: in another container it would mean another one. Sockets in the file system, unlike
 * abstract ones, do not belong to a network namespace.
 *
 * Throws ERR_EDGEIMG_STORE_UNWRITABLE where the folder's file system knows no sockets.
 */
export async function withLock<T>(request: LockRequest, work: () => Promise<T>): Promise<T> {
  const { folder, signal } = request;
  const prefix = prefixOf(request);
  return await inTurn(
    join(folder, prefix),
    signal,
    async () => await held(await acquire(folder, prefix, signal), work),
  );
}

/** Runs `work` under the lock when nobody holds it; gives undefined, at once, when somebody does. */
export async function withFreeLock<T>(request: LockRequest, work: () => Promise<T>): Promise<T | undefined> {
  const { folder, signal } = request;
  const prefix = prefixOf(request);
  if (queues.has(join(folder, prefix))) return undefined;
  return await inTurn(join(folder, prefix), signal, async () => {
    const lock = await tryAcquire(folder, prefix);
    if ("release" in lock) return await held(lock, work);
    if (lock.other instanceof Socket) lock.other.destroy();
    return undefined;
  });
}

const prefixOf = ({ key }: LockRequest): string => `${sha256Text(key).slice(0, 32)}.`;

export interface Held {
  release(): Promise<void>;
}

async function held<T>(lock: Held, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function acquire(folder: string, prefix: string, signal: AbortSignal): Promise<Held> {
  for (;;) {
    signal.throwIfAborted();
    const lock = await tryAcquire(folder, prefix);
    if ("release" in lock) return lock;
    await (lock.other instanceof Socket ? closed(lock.other, signal) : sleep(100, undefined, { signal }));
    await sleep(Math.random() * 20, undefined, { signal });
  }
}

/** The lock, or who else has it or wants it. */
async function tryAcquire(folder: string, prefix: string): Promise<Held | { readonly other: Living }> {
  await mkdir(folder, { recursive: true });
  const own = `${prefix}${randomBytes(12).toString("hex")}`;
  const shown = await announce(folder, own);
  const other = await findOther({ folder, prefix, own }).catch(async (error) => {
    await shown.release();
    throw error;
  });
  if (other === undefined) return shown;
  await shown.release();
  return { other };
}

const draftPrefix = "new-";

/** Shows a socket under a name. It is bound elsewhere: between bind and listen it would pass for one of the dead. */
async function announce(folder: string, name: string): Promise<Held> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.unref();
    socket.on("error", () => {}).on("close", () => waiting.delete(socket));
  });
  server.unref();
  const draft = `${draftPrefix}${name.slice(-24)}`;
  await atShortPath(folder, draft, (path) => listen(server, path)).catch((cause: NodeJS.ErrnoException) => {
    throw new EdgeimgError("ERR_EDGEIMG_STORE_UNWRITABLE", `No lock can be made in ${folder} (${cause.code}).`, {
      cause,
      hint: "The file system there knows no Unix sockets, or is full: put the store elsewhere with XDG_CACHE_HOME.",
    });
  });
  await rename(join(folder, draft), join(folder, name));
  return {
    async release() {
      await rm(join(folder, name), { force: true });
      const ended = new Promise((resolve) => server.close(resolve));
      for (const socket of waiting) socket.destroy();
      await ended;
    },
  };
}

/** Shows that a process lives, under a prefix that any number of them may show; `anyAlive` finds them. */
export async function show(folder: string, prefix: string): Promise<Held> {
  await mkdir(folder, { recursive: true });
  return await announce(folder, `${prefix}${randomBytes(12).toString("hex")}`);
}

/** Whether a living process shows itself under a prefix. */
export async function anyAlive(folder: string, prefix: string): Promise<boolean> {
  for (const name of await readdir(folder)) {
    const found = name.startsWith(prefix) ? await ask(folder, name) : "dead";
    if (found instanceof Socket) found.destroy();
    if (found !== "dead") return true;
  }
  return false;
}

/** A connection to a process that lives; "unknown" when it cannot be asked. */
type Living = Socket | "unknown";

/** A living process that shows the same key; undefined when there is none. */
async function findOther(job: { folder: string; prefix: string; own: string }): Promise<Living | undefined> {
  const { folder, prefix, own } = job;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || name === own) continue;
    const found = await ask(folder, name);
    if (found !== "dead") return found;
  }
  return undefined;
}

/** Removes what processes left that died with a lock, whatever its key, and gives how many. */
export async function removeDeadLocks(folder: string): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    // A draft is not listened to for a moment.
    const found = name.startsWith(draftPrefix) ? "unknown" : await ask(folder, name);
    if (found === "dead") removed++;
    if (found instanceof Socket) found.destroy();
  }
  return removed;
}

/** A connection to a socket. "dead": nobody listens any more, and its file is removed. "unknown": it exists, and cannot be asked. */
async function ask(folder: string, name: string): Promise<Living | "dead"> {
  try {
    return await atShortPath(folder, name, tryConnect);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ECONNREFUSED") await rm(join(folder, name), { force: true });
    return code === "ECONNREFUSED" || code === "ENOENT" ? "dead" : "unknown";
  }
}

function tryConnect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, writableAll: true }, resolve);
  });
}

/** Until the other side has ended, or let go. */
async function closed(socket: Socket, signal: AbortSignal): Promise<void> {
  if (socket.destroyed) return;
  const stop = () => socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  await new Promise<void>((resolve) => {
    socket.on("error", () => {}).once("close", () => resolve());
    socket.resume();
    if (signal.aborted) stop();
  });
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
}

/** Bytes of a socket's path (sun_path in unix(7)), without the zero at its end. */
const longestPath = 107;

async function atShortPath<T>(folder: string, name: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= longestPath) return await use(path);
  const handle = await open(folder, "r");
  try {
    return await use(`/proc/self/fd/${handle.fd}/${name}`);
  } finally {
    await handle.close();
  }
}

const queues = new Map<string, Promise<unknown>>();

/** One after another within this process: only processes have to agree by sockets. */
async function inTurn<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve();
  let leave = () => {};
  const own = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const turn = before.then(() => own);
  queues.set(key, turn);
  try {
    await orAbort(before, signal);
    return await work();
  } finally {
    leave();
    if (queues.get(key) === turn) queues.delete(key);
  }
}

async function orAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new DOMException("The operation was aborted", "AbortError"));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
