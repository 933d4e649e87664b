import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, link, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, request } from "undici";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Fetcher, FetchFile } from "../steps/kind.js";
import { semaphore } from "../steps/semaphore.js";
import { sha256Text } from "../store/canonical.js";
import { withLock } from "../store/lock.js";
import { blobPath, type Store } from "../store/store.js";
import { createAgent, type Proxies } from "./proxies.js";
import { discard, type Registries, resolveUrls } from "./registries.js";

export interface FetcherOptions {
  readonly store: Store;
  /** Asked once something has to be fetched. */
  readonly registries: () => Promise<Registries>;
  readonly proxies: Proxies;
  readonly offline: boolean;
  /** Told of retries. */
  readonly log: (message: string) => void;
  /** Tries per file before giving up. */
  readonly tries?: number;
  /** Milliseconds before the second try; doubled for each further one. */
  readonly retryDelayMs?: number;
}

/**
 * Fetches files by package URL into the store's blobs. Interrupted downloads resume (RFC 9110 range requests), failures are
 * retried with back-off, proxies come from the usual environment variables.
 */
export function createFetcher(options: FetcherOptions): Fetcher {
  const { store } = options;
  const slots = semaphore(6);
  let agent: Dispatcher | undefined;
  const dispatcher = () => {
    agent ??= createAgent(options.proxies);
    return agent;
  };
  return {
    async fetchBlob(file, { signal, progress }) {
      const target = blobPath(store, file.sha256);
      if (await isWhole(target, file.sha256)) return progress(file.size ?? 0);
      if (options.offline) throw offline(file);
      await slots(() =>
        withLock(`${store.root}/blob/${file.sha256}`, signal, async () => {
          if (await isWhole(target, file.sha256)) return;
          // A damaged one is shared with the trees that link it: it is replaced, not changed.
          await rm(target, { force: true });
          const part = `${target}.part`;
          const resumes = (await sizeOf(part)) > 0;
          const job = { file, part, dispatcher: dispatcher(), signal, progress, options };
          await fetchWithRetries(job);
          let { sha256: found } = await hashPart(part);
          if (found !== file.sha256 && resumes) {
            // The part may have come from another server, or have lost bytes in a power failure.
            await rm(part, { force: true });
            await fetchWithRetries(job);
            found = (await hashPart(part)).sha256;
          }
          if (found === file.sha256) return await rename(part, target);
          await rm(part, { force: true });
          throw notPinned(file, [`expected sha256 ${file.sha256}`, `received sha256 ${found}`]);
        }),
      );
    },
    async pin(file, { signal }) {
      if (options.offline) throw offline(file);
      const part = join(store.root, "blobs", `${sha256Text(`${file.purl} ${file.name}`).slice(0, 32)}.new.part`);
      return await withLock(part, signal, async () => {
        await rm(part, { force: true });
        await fetchWithRetries({ file, part, dispatcher: dispatcher(), signal, progress: () => {}, options });
        const found = await hashPart(part);
        await rename(part, blobPath(store, found.sha256));
        return found;
      });
    },
  };
}

function offline(file: Pick<FetchFile, "name" | "purl">): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_FETCH_OFFLINE",
    `${file.name} (${file.purl}) is not in the store, and --offline forbids fetching it.`,
    { hint: "Run once without --offline." },
  );
}

function nowhere(file: Pick<FetchFile, "name" | "purl">): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FETCH_UNREACHABLE", `No mirror is known for ${file.name} (${file.purl}).`, {
    hint: "This host's apt names no Debian mirror: set EDGEIMG_DEBIAN_MIRROR to one.",
  });
}

function notPinned(file: Pick<FetchFile, "name" | "purl">, details: readonly string[]): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FETCH_HASH", `${file.name} (${file.purl}) is not the pinned file.`, {
    details,
    hint: "Try another mirror. If upstream really changed the file, review it and move the pin.",
  });
}

async function hashPart(part: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(part), hash);
  return { sha256: hash.digest("hex"), size: (await stat(part)).size };
}

interface Job {
  readonly file: Pick<FetchFile, "purl" | "name" | "path" | "size">;
  /** Where it goes; what is there already is continued. */
  readonly part: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
  readonly options: FetcherOptions;
}

async function fetchWithRetries(job: Job): Promise<void> {
  const { file, options, signal } = job;
  const tries = options.tries ?? 5;
  for (let attempt = 1; ; attempt++) {
    const failure = await attemptAll(job).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    signal.throwIfAborted();
    if (failure instanceof EdgeimgError || isLocal(failure)) throw failure;
    if (attempt >= tries) {
      throw new EdgeimgError(
        "ERR_EDGEIMG_FETCH_UNREACHABLE",
        `${file.name} (${file.purl}) could not be fetched: ${reason(failure)}.`,
        {
          cause: failure,
          hint: "Check the network and proxy settings (`edgeimg doctor`) and run again: downloads resume.",
        },
      );
    }
    const delay = (options.retryDelayMs ?? 1000) * 2 ** (attempt - 1);
    options.log(`${file.name}: ${reason(failure)}; try ${attempt + 1} of ${tries} in ${delay / 1000} s`);
    await sleep(delay, undefined, { signal });
  }
}

/** One round over all places that may have the file. */
async function attemptAll(job: Job): Promise<void> {
  const urls = await resolveUrls(job.file, await job.options.registries(), {
    dispatcher: job.dispatcher,
    signal: job.signal,
  });
  if (urls.length === 0) throw nowhere(job.file);
  let last: unknown;
  for (const url of urls) {
    const failure = await download(job, url).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    if (isLocal(failure)) throw failure;
    job.signal.throwIfAborted();
    last = failure;
  }
  throw last;
}

async function download(job: Job, url: string): Promise<void> {
  const { file, part, signal } = job;
  const have = await sizeOf(part);
  // Stopped between the last byte and the check of the hash.
  if (have > 0 && have === file.size) return;
  const response = await get(url, have === 0 ? {} : { range: `bytes=${have}-` }, job);
  const { statusCode } = response;
  if (statusCode === 416) {
    await rm(part, { force: true });
    discard(response);
    throw new Error("the partial download did not fit; starting again");
  }
  if (statusCode !== 200 && statusCode !== 206) {
    discard(response);
    if (statusCode === 404 || statusCode === 410) {
      throw new EdgeimgError("ERR_EDGEIMG_FETCH_MISSING", `The registry does not have ${file.name} (${file.purl}).`, {
        hint: "It may have left the pool: run `edgeimg lock --update`, or point apt at a snapshot mirror of the lock's date.",
      });
    }
    throw new Error(`the server answered ${statusCode}`);
  }
  let received = statusCode === 206 ? have : 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      job.progress(received);
      const tooLarge = file.size !== undefined && received > file.size;
      done(tooLarge ? notPinned(file, [`more than the pinned ${file.size} bytes arrived`]) : null, chunk);
    },
  });
  try {
    await pipeline(response.body, counter, createWriteStream(part, { flags: statusCode === 206 ? "a" : "w" }), {
      signal,
    });
  } catch (error) {
    if (file.size !== undefined && received > file.size) await rm(part, { force: true });
    throw error;
  }
}

async function get(
  url: string,
  headers: Record<string, string>,
  job: Pick<Job, "dispatcher" | "signal">,
  hops = 5,
): Promise<Dispatcher.ResponseData> {
  const response = await request(url, { dispatcher: job.dispatcher, signal: job.signal, headers });
  const { location } = response.headers;
  if (response.statusCode >= 300 && response.statusCode < 400 && typeof location === "string" && hops > 0) {
    discard(response);
    return await get(new URL(location, url).href, headers, job, hops - 1);
  }
  return response;
}

/** Links a blob into a folder; copies where the file system has no links, or no more of them. */
export async function placeBlob(store: Store, sha256: string, path: string): Promise<void> {
  const blob = blobPath(store, sha256);
  await link(blob, path).catch(async (error: NodeJS.ErrnoException) => {
    if (!["EPERM", "EMLINK", "ENOTSUP", "ENOSYS"].includes(String(error.code))) throw error;
    await copyFile(blob, path);
  });
}

/** A failure of this machine, which trying again does not cure. */
function isLocal(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT", "EACCES", "EROFS"].includes(String(error.code))
  );
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0]);
  return error.message || error.name;
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

async function isWhole(path: string, sha256: string): Promise<boolean> {
  return await hashPart(path).then(
    (found) => found.sha256 === sha256,
    () => false,
  );
}
