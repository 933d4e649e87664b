/** Types of the modules that the edgeimg runtime offers to an app. Sizes are pixels, times milliseconds. */

declare module "edge:nn" {
  export type TensorData = Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;
  /** A dense row-major tensor; `data.length` equals the product of `shape`. */
  export interface Tensor {
    readonly shape: readonly number[];
    readonly data: TensorData;
  }
  /** Sizes that one dimension may have: min, min + step, ..., max. */
  export interface Dimension {
    readonly min: number;
    readonly max: number;
    readonly step: number;
  }
  export interface TensorInfo {
    readonly name: string;
    readonly type: "f32" | "i8" | "u8" | "i32" | "i64";
    /** Empty when the engine knows it only after a run. */
    readonly dimensions: readonly Dimension[];
  }
  export interface Model {
    readonly name: string;
    readonly inputs: readonly TensorInfo[];
    readonly outputs: readonly TensorInfo[];
    /**
     * Runs the model off the event loop; calls on one model are queued. The inputs are not copied before their turn
     * comes: leave their data alone until the promise settles.
     * Rejects with an Error whose `code` is "SHAPE" when a shape was not declared at build time,
     * "TYPE", "ARGUMENT" or "ENGINE" otherwise.
     */
    run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
    /** Frees the model after the current run; runs that wait are rejected with the code "ARGUMENT". */
    close(): void;
  }
  /**
   * Opens `/models/NAME`; logs the `model-loaded` milestone. `threads` is 1 to 64, by default all cores. Rejects with
   * the code "MODEL" when the model is missing or damaged.
   */
  export function load(name: string, options?: { threads?: number }): Promise<Model>;
  export const engine: { readonly name: string; readonly version: string };
}

declare module "edge:image" {
  import type { Tensor } from "edge:nn";
  /** 8-bit RGB, rows top to bottom, no padding: `data.length === width * height * 3`. */
  export interface Image {
    readonly width: number;
    readonly height: number;
    readonly data: Uint8Array;
  }
  export interface Point {
    readonly x: number;
    readonly y: number;
  }
  /**
   * Decodes JPEG (turned upright as its EXIF orientation says) or PNG (alpha over white) off the event loop. Rejects with
   * the code "IMAGE" what is neither, damaged or cut, and more than `maxPixels` (16 million).
   */
  export function decode(bytes: ArrayBuffer | Uint8Array, options?: { maxPixels?: number }): Promise<Image>;
  /** Bilinear, pixel centres aligned. */
  export function resize(image: Image, width: number, height: number): Image;
  export function crop(image: Image, box: { x: number; y: number; width: number; height: number }): Image;
  /** Clockwise. */
  export function rotate(image: Image, degrees: 0 | 90 | 180 | 270): Image;
  /**
   * Maps the quadrilateral (top left, top right, bottom right, bottom left) onto width x height, perspective-correct,
   * bilinear, edges replicated. (0, 0) is the corner of the first pixel, not its centre: the corners (0, 0), (w, 0), (w, h),
   * (0, h) are the whole picture. Throws a RangeError when it is not convex.
   */
  export function cropQuad(
    image: Image,
    quad: readonly [Point, Point, Point, Point],
    width: number,
    height: number,
  ): Image;
  /**
   * [1, 3, height, width] float32: (value / 255 - mean) / std per channel; `order` ("rgb") is the channel order of the
   * tensor, in which `mean` and `std` are given as well.
   */
  export function toTensor(
    image: Image,
    options: {
      mean: readonly [number, number, number];
      std: readonly [number, number, number];
      order?: "rgb" | "bgr";
      /** Pads on the right and below with `fill` (a normalised value, 0) up to this size. */
      width?: number;
      height?: number;
      fill?: number;
    },
  ): Tensor;
}

declare module "edge:fs" {
  /** Paths are absolute, or relative to /app. Only /data and /tmp can be written. Errors have `code` ("ENOENT", ...). */
  export function readFile(path: string): Promise<ArrayBuffer>;
  /** UTF-8; a byte order mark is left out, what is malformed becomes U+FFFD. */
  export function readText(path: string): Promise<string>;
  /** Atomic and kept over power loss: writes beside, syncs and renames. */
  export function writeFile(path: string, data: string | ArrayBuffer | Uint8Array): Promise<void>;
  /** Names, sorted by bytes. */
  export function list(path: string): Promise<string[]>;
  export function stat(path: string): Promise<{ size: number; directory: boolean; modifiedMs: number }>;
  /** Removes a file or an empty folder. */
  export function remove(path: string): Promise<void>;
  /** Makes a folder and its parents; one that exists is fine. */
  export function mkdir(path: string): Promise<void>;
}

declare module "edge:http" {
  export interface Request {
    readonly method: string;
    /** Decoded, without the query, and without "." and ".." parts: it can be joined to a folder. */
    readonly path: string;
    /** Decoded; of a repeated name the last value. */
    readonly query: Readonly<Record<string, string>>;
    /** Names in lower case; values of a repeated name are joined by ", ". */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: ArrayBuffer;
    /** The client's address. */
    readonly remote: string;
  }
  export interface Response {
    /** 200 to 599. Default 200. */
    status?: number;
    /** Length and connection headers are the server's and left out here. A string body is text/plain unless told otherwise. */
    headers?: Record<string, string>;
    body?: string | ArrayBuffer | Uint8Array;
  }
  export interface ServerOptions {
    /** 0 takes a free one. */
    port: number;
    /** Address to listen on. Default all, IPv4 and IPv6. */
    host?: string;
    /** Larger bodies get 413. Default 8 MiB. */
    maxBodyBytes?: number;
    /** A client slower than this for a whole request gets 408. Default 30 000. */
    requestTimeoutMs?: number;
    /** More at once get 503. Default 64. */
    maxConnections?: number;
  }
  export interface Server {
    readonly port: number;
    /** Takes no new connections; what is under way is still answered. */
    close(): void;
  }
  /** Logs the `http` milestone. A handler that throws gives 500 and an app-error line. */
  export function serve(
    options: ServerOptions,
    handler: (request: Request) => Response | Promise<Response>,
  ): Promise<Server>;
}

declare module "edge:process" {
  export const args: readonly string[];
  /** The process's environment and the lines of /etc/edgeimg/app.env. */
  export const env: Readonly<Record<string, string>>;
  /** Name of the board, e.g. "rpi4". */
  export const board: string;
  /** Ends at once; 0 to 255. */
  export function exit(code: number): never;
  /** Prints one console line: {"edgeimg": milestone, ...fields}. */
  export function report(milestone: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Bytes. */
  export function memory(): { rss: number; total: number; free: number };
  /** Called once on SIGTERM; the process ends when the promises of all callbacks have settled, or after 5 s. */
  export function onShutdown(callback: () => void | Promise<void>): void;
}

interface EdgeConsole {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
  debug(...values: unknown[]): void;
}
declare const console: EdgeConsole;
declare function setTimeout(callback: () => void, ms?: number): number;
declare function clearTimeout(id: number): void;
declare function setInterval(callback: () => void, ms: number): number;
declare function clearInterval(id: number): void;
declare function queueMicrotask(callback: () => void): void;
declare const performance: { now(): number };
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: "utf-8" | "utf8");
  decode(bytes: ArrayBuffer | Uint8Array): string;
}
