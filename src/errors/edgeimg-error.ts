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
  /** The key of the project's file that the error is about, as a path: what knows the file turns it into a place. */
  readonly key?: readonly (string | number)[];
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
  readonly key: readonly (string | number)[] | undefined;
  readonly details: readonly string[];
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, options: EdgeimgErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.key = options.key;
    this.details = options.details ?? [];
    this.subject = options.subject;
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code].exit;
  }
}

/** The same error with a place. */
export function withPlace(error: EdgeimgError, place: Place): EdgeimgError {
  const { code, message, hint, key, details, subject } = error;
  return new EdgeimgError(code, message, {
    place,
    details,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(key === undefined ? {} : { key }),
    ...(subject === undefined ? {} : { subject }),
  });
}

/** The error with the place of its key, or of the key `otherwise`, where it has none yet; what is no error of ours as it is. */
export function withKeyPlace(
  error: unknown,
  placeOf: ((key: readonly (string | number)[]) => Place) | undefined,
  otherwise?: readonly (string | number)[],
): unknown {
  if (!(error instanceof EdgeimgError) || error.place !== undefined || placeOf === undefined) return error;
  const key = error.key ?? otherwise;
  return key === undefined ? error : withPlace(error, placeOf(key));
}

/** What `make` gives; its errors get the places of their keys. */
export function placingErrors<T>(placeOf: Parameters<typeof withKeyPlace>[1], make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw withKeyPlace(error, placeOf);
  }
}
