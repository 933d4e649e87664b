import { lstat, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type OnnxFile, type OnnxGraph, type OnnxTensor, onnxTypes, readOnnx } from "../formats/onnx.js";
import { editOnnx } from "../formats/onnx-edit.js";
import { ProtobufError } from "../formats/protobuf.js";

/** Bytes: no protobuf message can be longer, and the data of a model are put into it. */
export const modelLimit = 2 ** 31 - 1;

export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly file: OnnxFile;
}

/** Reads an ONNX file, without the data beside it. `called` is what messages call it. Throws ERR_EDGEIMG_MODEL_NOT_ONNX and ERR_EDGEIMG_MODEL_SIZE. */
export async function readModel(path: string, called: string): Promise<ModelFile> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined || !stat.isFile()) throw modelMissing(called, path, stat);
  if (stat.size > modelLimit) throw modelTooLarge(called, stat.size);
  const bytes = await readFile(path);
  try {
    return { bytes, file: readOnnx(bytes) };
  } catch (error) {
    if (error instanceof ProtobufError) throw notOnnx(called, bytes, error);
    throw error;
  }
}

/** Files beside the model that hold weights of it, relative to its folder, each once. Throws ERR_EDGEIMG_MODEL_DATA for one outside of the folder. */
export function dataFiles(file: OnnxFile, called: string): readonly string[] {
  const found = new Set<string>();
  for (const tensor of tensorsOf(file.graph)) if (tensor.external !== undefined) found.add(location(tensor, called));
  return [...found].sort();
}

/**
 * The model with all its weights in it: data beside it would have to follow it through every converter, cache and tree. `path` is the file it
 * was read from. Throws ERR_EDGEIMG_MODEL_DATA for a file that is missing, too short, no regular file, or outside of the model's folder, and
 * ERR_EDGEIMG_MODEL_SIZE.
 */
export async function withData({ bytes, file }: ModelFile, path: string, called: string): Promise<Uint8Array> {
  const files = dataFiles(file, called);
  if (files.length === 0) return bytes;
  const folder = dirname(path);
  let total = bytes.length;
  const contents = new Map<string, Uint8Array>();
  for (const one of files) {
    const size = await regularSize(folder, one, called);
    total += size;
    if (total > modelLimit) throw modelTooLarge(called, total);
    contents.set(one, await readBytes(join(folder, one), size));
  }
  const edited = editOnnx(bytes, { data: (tensor) => slice(tensor, contents, called) });
  if (edited.length > modelLimit) throw modelTooLarge(called, edited.length);
  return edited;
}

/** Size of a file, no part of whose path is a link. */
export async function regularSize(folder: string, relative: string, called: string): Promise<number> {
  const parts = relative.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const path = parts.slice(0, count).join("/");
    const stat = await lstat(join(folder, path)).catch((cause: unknown) => {
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_DATA",
        `${called} has weights in ${relative}, which is not beside it.`,
        {
          cause,
          hint: `Put ${relative} into the model's folder, or export the model as one file: onnx.save(onnx.load("model.onnx"), "single.onnx").`,
        },
      );
    });
    const isLast = count === parts.length;
    if (isLast ? stat.isFile() : stat.isDirectory()) {
      if (isLast) return stat.size;
      continue;
    }
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_DATA",
      `${called} has weights in ${relative}, but ${path} is ${stat.isSymbolicLink() ? "a link" : isLast ? "no file" : "no folder"}.`,
      { hint: `Copy the file itself into the model's folder as ${relative}: links are not followed.` },
    );
  }
  throw new Error("a path has at least one part");
}

async function readBytes(path: string, size: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(size);
  const handle = await open(path, "r");
  try {
    for (let offset = 0; offset < size; ) {
      const { bytesRead } = await handle.read(bytes, offset, Math.min(size - offset, 2 ** 30), offset);
      if (bytesRead === 0) return bytes.subarray(0, offset);
      offset += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function* tensorsOf(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializers;
  for (const { attributes } of graph.nodes)
    for (const { tensors, graphs } of attributes.values()) {
      yield* tensors;
      for (const one of graphs) yield* tensorsOf(one);
    }
}

/** The path of a tensor's data within the model's folder. */
function location({ name, external }: OnnxTensor, called: string): string {
  const path = external?.get("location") ?? "";
  const parts = path.split("/").filter((part) => part !== "." && part !== "");
  const outside = path.startsWith("/") || path.includes("\\") || path.includes("\0") || /^[A-Za-z]:/.test(path);
  if (path === "" || outside || parts.includes("..") || parts.length === 0 || path.length > 1024)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_DATA",
      `${called} has the weights ${name} in ${JSON.stringify(path)}, which is not in the model's folder.`,
      {
        hint: `Save it again with its data beside it: onnx.save(onnx.load("model.onnx"), "model.onnx", save_as_external_data=True, location="model.onnx.data").`,
      },
    );
  return parts.join("/");
}

function slice(tensor: OnnxTensor, contents: ReadonlyMap<string, Uint8Array>, called: string): Uint8Array {
  const path = location(tensor, called);
  const content = contents.get(path);
  if (content === undefined) throw new Error(`${path} was not read`);
  const number = (key: string, otherwise: number) => {
    const text = tensor.external?.get(key);
    return text === undefined || text === "" ? otherwise : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  };
  const offset = number("offset", 0);
  const length = number("length", content.length - offset);
  const needed = dataSize(tensor);
  if (offset + length <= content.length && length >= 0 && (needed === undefined || length >= needed))
    return content.subarray(offset, offset + (needed ?? length));
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_DATA",
    `${called} has the weights ${tensor.name} (${tensor.shape.join("x")} ${onnxTypes[tensor.type] ?? "of an unknown type"}) in ${path} from byte ${offset}, ${length} bytes, but ${path} has ${content.length}.`,
    { hint: `${path} is cut off, a Git LFS pointer, or belongs to another model: copy it again.` },
  );
}

const sizes: ReadonlyMap<string, number> = new Map([
  ...["float32", "int32", "uint32"].map((name) => [name, 4] as const),
  ...["float64", "int64", "uint64", "complex64"].map((name) => [name, 8] as const),
  ...["uint16", "int16", "float16", "bfloat16"].map((name) => [name, 2] as const),
  ...["uint8", "int8", "bool"].map((name) => [name, 1] as const),
  ...["uint4", "int4"].map((name) => [name, 0.5] as const),
]);

function dataSize({ type, shape }: OnnxTensor): number | undefined {
  const size = sizes.get(onnxTypes[type] ?? "");
  return size === undefined ? undefined : Math.ceil(shape.reduce((product, one) => product * one, size));
}

/** The error for a path of the project's at which a package has no file. */
export function modelMissing(called: string, path: string, found: object | undefined): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_IMAGE_FILE",
    `${called}: ${path.split("/").at(-1)} is ${found === undefined ? "not there" : "no file"}.`,
    { hint: "The project names a path that the package does not have: check its spelling and the version." },
  );
}

export function modelTooLarge(called: string, size: number): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_SIZE",
    `${called} has ${(size / 2 ** 30).toFixed(1)} GiB with its data; the limit is 2 GiB less one byte.`,
    { hint: "Quantize it to 8 or 4 bits, or choose a smaller model: the boards have 1 to 8 GB of memory." },
  );
}

/** What is no model of any format. */
const foreign: readonly (readonly [string, string])[] = [
  ["version https://git-lfs", "It is a Git LFS pointer: run `git lfs pull`."],
  ["<", "It is a web page, not a model: download the file itself."],
];
const others: readonly (readonly [string, string])[] = [
  ...foreign,
  [
    "PK\u0003\u0004",
    "It is a ZIP archive, such as a PyTorch checkpoint: export it with torch.onnx.export, or unpack it.",
  ],
  ["\u0080\u0002", "It is a Python pickle, such as a PyTorch checkpoint: export it with torch.onnx.export."],
  ["\u0089HDF", "It is HDF5, such as a Keras model: convert it with tf2onnx."],
];

/** What to do about a file that is no model of any format, by its first 64 bytes; undefined for one that may be. */
export function foreignFile(start: Uint8Array): string | undefined {
  return start.length === 0 ? "It is empty: copy it again." : startingAs(foreign, start);
}

function startingAs(kinds: typeof others, bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 64)).toString("latin1").trimStart();
  return kinds.find(([start]) => head.startsWith(start))?.[1];
}

function notOnnx(called: string, bytes: Uint8Array, error: ProtobufError): EdgeimgError {
  const isLite = Buffer.from(bytes.subarray(4, 8)).toString("latin1") === "TFL3";
  const known =
    foreignFile(bytes) ??
    (isLite ? "It is a TensorFlow Lite model: convert it with tf2onnx (--tflite)." : startingAs(others, bytes));
  return new EdgeimgError("ERR_EDGEIMG_MODEL_NOT_ONNX", `${called} is not a valid ONNX model: ${error.message}`, {
    cause: error,
    hint: known ?? "Check the path, and that the file is whole: compare its size and hash with the original's.",
  });
}
