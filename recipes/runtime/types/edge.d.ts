/**
 * Types of the modules that the edgeimg runtime offers to an app. Sizes are pixels, times milliseconds. Options with a key that is not
 * here are refused with the code "ARGUMENT".
 */

declare module "edge:nn" {
  export type TensorData = Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;
  /**
   * A dense row-major tensor; `data.length` equals the product of `shape`. A result may be empty: a detector that finds nothing gives
   * a shape with a 0, and no data. Inputs have no size of 0.
   */
  export interface Tensor<Data extends TensorData = TensorData> {
    readonly shape: readonly number[];
    readonly data: Data;
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
    /** Only these whole shapes are taken: the project declares them, or the engine is of fixed shapes. `dimensions` enclose them. */
    readonly shapes?: readonly (readonly number[])[];
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
    /**
     * The declared shape of an input to use for data of a wanted shape: the smallest that holds it; where none does, the one for which the data
     * must be shrunk least. An app that asks here and fills up the rest runs with every engine, also one of a few fixed shapes.
     */
    fit(input: string, shape: readonly number[]): number[];
    /** Frees the model after the current run; runs that wait are rejected with the code "ARGUMENT". */
    close(): void;
  }
  /** A model whose inputs and outputs are known by name and element type. */
  export interface ModelOf<Inputs, Outputs> extends Omit<Model, "run"> {
    run(inputs: Readonly<Inputs>): Promise<Outputs>;
  }
  /** The project's models by name. A build fills it from the model files; without that, `load` takes any name. */
  export interface Models {}
  /** A name that is known when types are checked must be one of the project's models; any other text is looked up at run time. */
  export type ModelName<Name extends string> = string extends Name
    ? Name
    : [keyof Models] extends [never]
      ? Name
      : Name extends keyof Models
        ? Name
        : keyof Models;
  /**
   * Opens `/models/NAME`; logs the `model-loaded` milestone, and `model-preparing` while an engine makes something of it that takes long. `threads` is 1 to 64, by default all cores. Rejects with
   * the code "MODEL" when the model is missing or damaged.
   */
  export function load<const Name extends string>(
    name: ModelName<Name>,
    options?: { threads?: number },
  ): Promise<Name extends keyof Models ? Models[Name] : Model>;
  export const engine: { readonly name: string; readonly version: string };
}

declare module "edge:kernels" {
  /** Bytes of one tensor: batch x height x width x channels, row after row. `Int8Array` for signed codes. */
  export type Codes = Int8Array | Uint8Array;
  /** One number for both, or [height, width]. */
  export type Sides = number | readonly [number, number];
  /**
   * From the 32-bit sum to a code, per output channel (arrays of `outputs` values): `scale` multiplies in single precision and
   * rounds half to even; `multiplier` and `shift` are gemmlowp's fixed point; `shift` alone divides by 2^shift, rounded.
   * `zero` is added, then the code is clamped to min..max: a fused ReLU is `min: zero`.
   */
  export type Requantize =
    | ((
        | { readonly scale: Float32Array }
        | { readonly multiplier: Int32Array; readonly shift: Int32Array }
        | { readonly shift: Int32Array }
      ) & {
        /** Codes are -128..127 (true, the default) or 0..255. */
        readonly signed?: boolean;
        readonly zero?: number;
        readonly min?: number;
        readonly max?: number;
      })
    /** How many of the 1 or 3 ascending thresholds of its channel are at most the sum: codes of 1 or 2 bits. */
    | { readonly threshold: Int32Array };
  /** A convolution. A fully connected layer is `input: [1, 1, rows, depth]` with a kernel of 1. */
  export interface LayerOptions {
    /** Of a weight. Values: 8: -127..127, 7: -63..63, 4: -8..7, 2: code - weightZero2 / 2, 1: codes 0 and 1 for -1 and +1. */
    readonly bits: 8 | 7 | 4 | 2 | 1;
    /** Of an input code, as `bits` unless `bits` is 1, where it may be 2. */
    readonly inputBits?: 8 | 7 | 4 | 2 | 1;
    /** [batch, height, width, channels], each up to 65536. */
    readonly input: readonly [number, number, number, number];
    /** Output channels. */
    readonly outputs: number;
    /** 1 */
    readonly kernel?: Sides;
    readonly stride?: Sides;
    readonly dilation?: Sides;
    /** On all sides, [vertical, horizontal] or [top, left, bottom, right]. 0 */
    readonly pad?: number | readonly [number, number] | readonly [number, number, number, number];
    /** 1; as many as channels make it depthwise. */
    readonly groups?: number;
    /** outputs x kernel height x kernel width x channels of a group: `Int8Array` as bytes of 8, 7 and 4 bits, else `Uint8Array`. */
    readonly weights: Codes;
    /**
     * "bytes": one a weight. Dense, the first in the low bits: "int4" (ONNX, bits 8, 7, 4), "uint2" (ONNX, bits 2), "bits" (bits 1),
     * "log4" (bits 8; sign and exponent: 0, 1, 2, 4 .. 64).
     */
    readonly weightFormat?: "bytes" | "int4" | "uint2" | "bits" | "log4";
    /** Added to the sum, one an output channel. */
    readonly bias?: Int32Array;
    /** Default: true for 8, 7 and 4 bits (7 must), false for 2 and 1 (they must). */
    readonly inputSigned?: boolean;
    /** The code that means 0, which padding reads. 0 */
    readonly inputZero?: number;
    /** Bits and input of 1: the bit that padding reads. 0 */
    readonly padCode?: 0 | 1;
    /** Bits 2: twice the weights' zero point, 0..6. With an odd one sums and bias count halves. 4 */
    readonly weightZero2?: number;
    /** Without it the output is the `Int32Array` of sums. */
    readonly requantize?: Requantize;
    /** Which kernels: "auto" looks at the processor. All give the same bytes. */
    readonly variant?: "auto" | "scalar" | "a53" | "a72" | "dot" | "neon32" | "neon64";
  }
  /** Packed weights; freed with the object. */
  export interface Layer {
    /** Of the output: [batch, height, width, outputs]. */
    readonly shape: readonly [number, number, number, number];
    readonly variant: string;
    readonly kernel: string;
    readonly packedBytes: number;
    /** Of each run that is under way. */
    readonly workspaceBytes: number;
    /**
     * Runs on one thread off the event loop, several at once if asked. Nothing is copied: leave `input` and `output` alone until the promise
     * settles. Gives `output`, or a new array without one. Rejects with the code "TYPE", "SIZE" or "ARGUMENT".
     */
    run(input: Codes): Promise<Int8Array | Uint8Array | Int32Array>;
    run<T extends Int8Array | Uint8Array | Int32Array>(input: Codes, output: T): Promise<T>;
  }
  /**
   * Checks and packs a layer off the event loop; leave its arrays alone until the promise settles. Rejects with the code "ARGUMENT",
   * "RANGE", "SIZE", "TYPE" or "UNSUPPORTED" (a variant that this processor lacks). Importing the module fails without
   * `kernels: true` in edgeimg.yaml.
   */
  export function prepare(layer: LayerOptions): Promise<Layer>;
  /** What "auto" is on this processor: "a53", "a72", "dot", ... */
  export function variant(): string;
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
   * Decodes JPEG, PNG or WebP off the event loop: samples as they are stored (no colour conversion, the high byte of 16 bits), alpha
   * over white, upright as the EXIF orientation says. Rejects with the code "IMAGE" what is none of them (the message names the
   * format), what is cut or seen to be damaged, and more than `maxPixels` (16 million).
   */
  export function decode(bytes: ArrayBuffer | Uint8Array, options?: { maxPixels?: number }): Promise<Image>;
  /**
   * Bilinear, pixel centres aligned. This and what follows works off the event loop. Arguments are checked at once, the pixels are not
   * copied: leave them alone until the promise settles.
   */
  export function resize(image: Image, width: number, height: number): Promise<Image>;
  export function crop(image: Image, box: { x: number; y: number; width: number; height: number }): Promise<Image>;
  /** Clockwise. */
  export function rotate(image: Image, degrees: 0 | 90 | 180 | 270): Promise<Image>;
  /**
   * Maps the quadrilateral (top left, top right, bottom right, bottom left) onto width x height, perspective-correct,
   * bilinear, edges replicated. (0, 0) is the corner of the first pixel, not its centre: the corners (0, 0), (w, 0), (w, h),
   * (0, h) are the whole picture. Rejects with a RangeError when it is not convex.
   */
  export function cropQuad(
    image: Image,
    quad: readonly [Point, Point, Point, Point],
    width: number,
    height: number,
  ): Promise<Image>;
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
  ): Promise<Tensor<Float32Array>>;
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
    /**
     * Bytes of all bodies that are being read, or that the app still holds. A body beyond it gets 503. Default a quarter of the
     * board's memory, at most 1 GiB.
     */
    maxBodiesBytes?: number;
    /**
     * A client slower than this for a whole request gets 408. Default 30 000. A connection without any byte ends after 5 s, between two
     * requests after 15 s.
     */
    requestTimeoutMs?: number;
    /** One more takes the place of the idlest, or gets 503 when all are busy. Default 64. */
    maxConnections?: number;
    /** The same for the connections of one address. Default three quarters of `maxConnections`. */
    maxConnectionsPerClient?: number;
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
declare function setTimeout<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
declare function clearTimeout(id: number): void;
declare function setInterval<A extends unknown[]>(callback: (...args: A) => void, ms: number, ...args: A): number;
declare function clearInterval(id: number): void;
declare function queueMicrotask(callback: () => void): void;
/** Base64 to characters U+0000 to U+00FF and back; throws an Error named InvalidCharacterError. */
declare function atob(base64: string): string;
declare function btoa(characters: string): string;
/** Copies data, with Map, Set, Date, RegExp, Error, arrays of bytes and numbers, and cycles. Throws an Error named DataCloneError. */
declare function structuredClone<T>(value: T): T;
/** Random bytes of the kernel. */
declare const crypto: {
  /** Fills an array of integers, at most 65536 bytes. */
  getRandomValues<
    T extends
      | Int8Array
      | Uint8Array
      | Uint8ClampedArray
      | Int16Array
      | Uint16Array
      | Int32Array
      | Uint32Array
      | BigInt64Array
      | BigUint64Array,
  >(array: T): T;
  randomUUID(): string;
};
declare const performance: { now(): number };
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: "utf-8" | "utf8");
  decode(bytes: ArrayBuffer | Uint8Array): string;
}
