import { EdgeimgError } from "../errors/edgeimg-error.js";

/** More than any package, source or wheel: the Linux kernel's source has 90,000 entries and 1.5 GB. Beyond it an archive is a bomb. */
const limits: Limits = { entries: 1_000_000, bytes: 2 ** 34 };

export interface ExtractOptions {
  readonly into: string;
  /** Folders taken off the front of each path. */
  readonly strip: number;
  /** Whether a path (after stripping) is wanted. */
  readonly wanted: (path: string) => boolean;
  /** Where a wanted path goes; identity when absent. */
  readonly rename?: (path: string) => string;
  readonly signal: AbortSignal;
  readonly limits?: Limits;
}

export interface Limits {
  readonly entries: number;
  /** Of all files together, uncompressed. */
  readonly bytes: number;
}

/** What was extracted. Links are not made yet: only when all files lie there can none of them be written through a link. */
export interface Extracted {
  readonly files: readonly string[];
  /** Path -> target, both within the folder. */
  readonly links: ReadonlyMap<string, string>;
}

/** Counts entries and bytes of an archive. Throws ERR_EDGEIMG_ARCHIVE_UNSAFE past the limits. */
export function counter(archive: string, { entries, bytes }: Limits = limits): (size: number) => void {
  let seen = 0;
  let sum = 0;
  return (size) => {
    seen++;
    sum += size;
    if (seen <= entries && sum <= bytes) return;
    throw new EdgeimgError(
      "ERR_EDGEIMG_ARCHIVE_UNSAFE",
      `${archive} holds more than ${seen > entries ? `${entries} entries` : `${bytes} bytes`}.`,
      { hint: "The archive is hostile or broken: do not use it." },
    );
  };
}

/** Whether a name has control characters, which no tool shows as they are. */
export function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** An entry that would leave its folder. */
export function unsafeEntry(archive: string, entry: string): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    `${archive} has the entry "${entry}", which would leave its folder.`,
    {
      hint: "The archive is hostile or broken: do not use it.",
    },
  );
}

/** An entry that no archive of ours has. Its name is shown as JSON: it may hold anything. */
export function refusedEntry(archive: string, entry: string, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_ARCHIVE_UNSAFE", `${archive}: the entry ${JSON.stringify(entry)} ${what}.`, {
    hint: "The archive is hostile or broken: do not use it.",
  });
}

/** A path without its first folders; undefined when it has no more than these. */
export function stripped(path: string, count: number): string | undefined {
  const parts = path.replace(/^(\.\/)+/, "").split("/");
  return parts.length <= count ? undefined : parts.slice(count).join("/");
}

/** Whether a path stays within its folder by its words. */
export function isInside(path: string): boolean {
  return !path.startsWith("/") && !path.split("/").includes("..");
}
