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
     * Runs the model off the event loop; calls on one model are queued.
     * Rejects with an Error whose `code` is "SHAPE" when a shape was not declared at build time,
     * "TYPE", "ARGUMENT" or "ENGINE" otherwise.
     */
    run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
    close(): void;
  }
  /** Opens `/models/NAME`; logs the `model-loaded` milestone. */
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
  /** Decodes JPEG or PNG (alpha over white) off the event loop; rejects more than `maxPixels` (16 million). */
  export function decode(bytes: ArrayBuffer | Uint8Array, options?: { maxPixels?: number }): Promise<Image>;
  /** Bilinear, pixel centres aligned. */
  export function resize(image: Image, width: number, height: number): Image;
  export function crop(image: Image, box: { x: number; y: number; width: number; height: number }): Image;
  /** Clockwise. */
  export function rotate(image: Image, degrees: 0 | 90 | 180 | 270): Image;
  /** Maps the quadrilateral (top left, top right, bottom right, bottom left) onto width x height, perspective-correct, bilinear, edges replicated. */
  export function cropQuad(image: Image, quad: readonly [Point, Point, Point, Point], width: number, height: number): Image;
  /** [1, 3, height, width] float32: (value / 255 - mean) / std per channel; `order` is the channel order of the tensor. */
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
  export function readText(path: string): Promise<string>;
  /** Atomic: writes beside and renames. */
  export function writeFile(path: string, data: string | ArrayBuffer | Uint8Array): Promise<void>;
  /** Names, sorted by bytes. */
  export function list(path: string): Promise<string[]>;
  export function stat(path: string): Promise<{ size: number; directory: boolean; modifiedMs: number }>;
  export function remove(path: string): Promise<void>;
  export function mkdir(path: string): Promise<void>;
}

declare module "edge:http" {
  export interface Request {
    readonly method: string;
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: ArrayBuffer;
    readonly remote: string;
  }
  export interface Response {
    status?: number;
    headers?: Record<string, string>;
    body?: string | ArrayBuffer | Uint8Array;
  }
  export interface ServerOptions {
    port: number;
    /** Larger bodies get 413. Default 8 MiB. */
    maxBodyBytes?: number;
    /** A client slower than this for a whole request gets 408. Default 30 000. */
    requestTimeoutMs?: number;
    /** More at once get 503. Default 64. */
    maxConnections?: number;
  }
  export interface Server {
    readonly port: number;
    close(): void;
  }
  /** Logs the `http` milestone. A handler that throws gives 500 and an app-error line. */
  export function serve(options: ServerOptions, handler: (request: Request) => Response | Promise<Response>): Promise<Server>;
}

declare module "edge:process" {
  export const args: readonly string[];
  export const env: Readonly<Record<string, string>>;
  export const board: string;
  export function exit(code: number): never;
  /** Prints one console line: {"edgeimg": milestone, ...fields}. */
  export function report(milestone: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Bytes. */
  export function memory(): { rss: number; total: number; free: number };
  /** Called once on SIGTERM; the process ends when the promise settles or after 5 s. */
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
