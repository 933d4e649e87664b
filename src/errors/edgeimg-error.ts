import { type ErrorCode, errorCodes } from "./codes.js";

export type ExitCode = 0 | 1 | 2 | 3 | 70 | 130;

/** A place in a text file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface EdgeimgErrorOptions {
  /** The remedy, in the imperative. */
  readonly hint?: string;
  readonly place?: Place;
  readonly cause?: unknown;
  /** Further lines a user may want: a compiler's output, the names to choose from. */
  readonly details?: readonly string[];
  /** A name that was looked for in vain, by which the file that has it is found. */
  readonly subject?: string;
}

/** Every failure a user can reach. Anything else that is thrown is a bug of ours (exit code 70). */
export class EdgeimgError extends Error {
  override readonly name = "EdgeimgError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly place: Place | undefined;
  readonly details: readonly string[];
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, options: EdgeimgErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.details = options.details ?? [];
    this.subject = options.subject;
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code].exit;
  }
}
