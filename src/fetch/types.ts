/** What fetches files: for `fetch` steps, and for the lock. */
export interface Fetcher {
  /** Makes sure that the blob is in the store. Throws ERR_EDGEIMG_FETCH_* and ERR_EDGEIMG_SOURCE_SUPPLY. */
  fetchBlob(file: FetchFile, options: { signal: AbortSignal; progress: (bytes: number) => void }): Promise<void>;
  /** Fetches a file that nothing pins yet, into the store, and tells what it is. */
  pin(
    file: Pick<FetchFile, "purl" | "name">,
    options: { signal: AbortSignal },
  ): Promise<{ sha256: string; size: number }>;
}

export interface FetchFile {
  readonly purl: string;
  /** Its name in the fetched tree. */
  readonly name: string;
  /** Path in the registry: a pool path, a file of a release. */
  readonly path?: string | undefined;
  readonly sha256: string;
  readonly size?: number | undefined;
  /** For a file that no registry may hand on: how a user gets it, one sentence. */
  readonly supplied?: string | undefined;
}
