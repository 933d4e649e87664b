import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, request } from "undici";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { notPinned, nowhere } from "./fetch-errors.js";
import { createAgent, type Proxies } from "./proxies.js";
import { discard, type Registries, resolveUrls } from "./registries.js";
import { sizeOf } from "./size-of.js";
import type { FetchFile } from "./types.js";

export interface DownloadOptions {
  /** Asked once something has to be fetched. */
  readonly registries: () => Promise<Registries>;
  readonly proxies: Proxies;
  /** Told of retries. */
  readonly log: (message: string) => void;
  /** Tries per file before giving up. */
  readonly tries?: number;
  /** Milliseconds before the second try; doubled for each further one. */
  readonly retryDelayMs?: number;
}

export interface Download {
  readonly file: Pick<FetchFile, "purl" | "name" | "path" | "size">;
  /** Where it goes; what is there already is continued. */
  readonly part: string;
  readonly signal: AbortSignal;
  /** Told of all bytes that are there. */
  readonly progress: (bytes: number) => void;
}

interface Job extends Download {
  readonly dispatcher: Dispatcher;
  readonly options: DownloadOptions;
}

/**
 * Fetches files: from the places that may have one, in their order, and again with back-off. Throws ERR_EDGEIMG_FETCH_*,
 * and errors of this machine as they are.
 */
export function createDownloader(options: DownloadOptions): (download: Download) => Promise<void> {
  const dispatcher = createAgent(options.proxies);
  return (download) => fetchWithRetries({ ...download, dispatcher, options });
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
