import { createWriteStream, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { writeCpio } from "../formats/cpio.js";
import { globMatcher } from "../formats/glob.js";
import { type ArchiveEntry, writeTar } from "../formats/tar-writer.js";
import { compareText, sha256Text } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { treeTime, walk } from "../store/tree.js";
import { expandModules, modulesEntry } from "./assemble-modules.js";
import { libraryClosure } from "./closure.js";
import type { FileRecord } from "./file-record.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

/** A place in an input; a path with `*` must match exactly one file. */
const place = z.strictObject({ input: z.string(), path: z.string() });

const entry = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("directory"), path: z.string(), mode: z.int() }),
  z.strictObject({ type: z.literal("symlink"), path: z.string(), target: z.string() }),
  z.strictObject({
    type: z.literal("file"),
    path: z.string(),
    mode: z.int(),
    from: z.union([place, z.strictObject({ text: z.string() })]),
  }),
  /** Everything below a folder of an input. */
  z.strictObject({
    type: z.literal("tree"),
    path: z.string(),
    from: place,
    exclude: z.array(z.string()).default([]),
    /** Files that only these Debian packages may bring: those of others that match stay out. */
    onlyFrom: z.strictObject({ packages: z.array(z.string()), files: z.array(z.string()) }).optional(),
  }),
  modulesEntry,
]);
export type AssembleEntry = z.input<typeof entry>;

const params = z.strictObject({
  format: z.enum(["tar", "cpio", "folder"]),
  entries: z.array(entry),
  /** Adds the shared libraries that the files need. */
  closure: z
    .strictObject({
      machine: z.int(),
      folders: z.array(z.strictObject({ input: z.string(), path: z.string(), target: z.string() })),
      loaderFolder: z.string(),
      /** What lies in the same image without being laid here: its programs' libraries are needed, too. */
      also: z.array(entry).optional(),
      /** Libraries of `folders` that are opened by name (dlopen), and what opens them. */
      wanted: z.array(z.strictObject({ name: z.string(), neededBy: z.string() })).optional(),
    })
    .optional(),
});

/**
 * Lays files of inputs into one archive or folder: `out/data.tar`, `out/data.cpio` or `out/data/`, and `out/files.json` with the origin
 * of each. An archive holds modes and numeric owners that the store's trees cannot.
 */
export const assembleKind = defineKind({
  name: "assemble",
  version: 5,
  params,
  async run({ format, entries, closure }, context) {
    const records = new Map<string, FileRecord>();
    const archive = new Map<string, ArchiveEntry>();
    const owners: Owners = new Map();
    const put = (one: ArchiveEntry, origin: Partial<FileRecord>) => {
      if (one.path.split("/").some((part) => part === "" || part === "." || part === ".."))
        throw new Error(`"${one.path}" is no path within an image`);
      archive.set(one.path, one);
      records.set(one.path, recordOf(one, origin));
    };
    for (const one of entries.flatMap((item) => expand(item, context, owners))) {
      if (one.type !== "file") put(one, {});
      else {
        const origin = "text" in one.from ? { input: "edgeimg" } : originOf(context, owners, one.from);
        put({ type: one.type, path: one.path, mode: one.mode, data: contentOf(one, context) }, origin);
      }
    }
    if (closure !== undefined) {
      const elsewhere = (closure.also ?? [])
        .flatMap((item) => expand(item, context, owners))
        .map((one): ArchiveEntry => (one.type === "file" ? { ...one, data: contentOf(one, context) } : one));
      const image = [...archive.values(), ...elsewhere];
      for (const library of libraryClosure(image, { ...closure, inputs: context.inputs })) {
        const { input, source, path, link, neededBy } = library;
        const origin = { ...originOf(context, owners, { input, path: source }), neededBy };
        const data = readFileSync(join(inputFolder(context.inputs, input), source));
        if (!archive.has(path)) put({ type: "file", path, mode: 0o755, data }, origin);
        if (link !== undefined) put({ type: "symlink", path: link, target: basename(path) }, origin);
      }
    }
    addParents(put, archive);
    const sorted = [...archive.values()].sort((a, b) => compareText(a.path, b.path));
    await write(format, sorted, context);
    const listing = [...records.values()].sort((a, b) => compareText(a.path, b.path));
    await writeFile(join(context.out, "files.json"), `${JSON.stringify(listing, null, 1)}\n`);
  },
});

type Entry = z.infer<typeof entry>;
type FileEntry = Extract<Entry, { type: "file" }>;

const contentOf = ({ from }: FileEntry, context: StepContext): Buffer =>
  "text" in from ? Buffer.from(from.text) : readInput(context, from);

/** A tree or modules become their files. */
function expand(item: Entry, context: StepContext, owners: Owners): Exclude<Entry, { type: "tree" | "modules" }>[] {
  if (item.type === "modules") return expandModules(item, context);
  if (item.type !== "tree") return [item];
  const root = join(inputFolder(context.inputs, item.from.input), item.from.path);
  const excluded = globMatcher(item.exclude);
  const foreign = ofOtherPackages(item, context, owners);
  return [...walk(root, "")].flatMap((inner): Exclude<Entry, { type: "tree" | "modules" }>[] => {
    if (excluded(inner) || foreign(inner)) return [];
    const path = item.path === "" ? inner : `${item.path}/${inner}`;
    const stat = lstatSync(join(root, inner));
    // Others come with what is in them, if any of it is taken.
    if (stat.isDirectory())
      return readdirSync(join(root, inner)).length === 0 ? [{ type: "directory", path, mode: 0o755 }] : [];
    if (stat.isSymbolicLink()) return [{ type: "symlink", path, target: readlinkSync(join(root, inner)) }];
    const from = { input: item.from.input, path: join(item.from.path, inner) };
    return [{ type: "file", path, mode: stat.mode & 0o100 ? 0o755 : 0o644, from }];
  });
}

/** Whether a path of a tree belongs to a package that may not bring such files. */
function ofOtherPackages(
  { from, onlyFrom }: Extract<Entry, { type: "tree" }>,
  context: StepContext,
  owners: Owners,
): (inner: string) => boolean {
  if (onlyFrom === undefined) return () => false;
  const limited = globMatcher(onlyFrom.files);
  const allowed = new Set(onlyFrom.packages);
  return (inner) => {
    if (!limited(inner)) return false;
    const { package: file } = originOf(context, owners, { input: from.input, path: join(from.path, inner) });
    // Debian names files NAME_VERSION_ARCH.deb, and no name has a "_".
    return file !== undefined && !allowed.has(file.slice(0, file.indexOf("_")));
  };
}

/** Reads a file of an input; a glob in its path stands for the one file that matches. Links are followed within the input. */
function readInput(context: StepContext, from: z.infer<typeof place>): Buffer {
  const root = realpathSync(inputFolder(context.inputs, from.input));
  const path = from.path.includes("*") ? matchOne(root, from) : from.path;
  let real: string;
  try {
    real = realpathSync(join(root, path));
  } catch (cause) {
    throw missing(from, cause);
  }
  if (!real.startsWith(`${root}/`)) throw missing(from, undefined);
  return readFileSync(real);
}

function matchOne(root: string, from: z.infer<typeof place>): string {
  const fixed = from.path.slice(0, from.path.indexOf("*"));
  const base = fixed.slice(0, Math.max(0, fixed.lastIndexOf("/")));
  const matches = globMatcher([from.path]);
  const found: string[] = [];
  const search = (folder: string) => {
    for (const one of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? one.name : `${folder}/${one.name}`;
      if (one.isDirectory()) search(path);
      else if (matches(path)) found.push(path);
    }
  };
  search(base);
  const [first, ...others] = found.sort(compareText);
  if (first === undefined || others.length > 0) throw missing(from, undefined);
  return first;
}

function missing(from: { readonly input: string; readonly path: string }, cause: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_IMAGE_FILE", `${from.path} is not in ${from.input}.`, {
    cause,
    hint: "The board file, recipe or project names a file that the locked packages do not have: check its spelling and the release.",
  });
}

/** Per input: path in its root -> the package's file. */
type Owners = Map<string, Readonly<Record<string, string>>>;

/** The package of a file, from the root's `owners.json`. */
function originOf(context: StepContext, owners: Owners, from: z.infer<typeof place>): Partial<FileRecord> {
  let known = owners.get(from.input);
  if (known === undefined) {
    try {
      known = z
        .record(z.string(), z.string())
        .parse(JSON.parse(readFileSync(join(inputFolder(context.inputs, from.input), "owners.json"), "utf8")));
    } catch {
      known = {};
    }
    owners.set(from.input, known);
  }
  const path = from.path.replace(/^root\//, "");
  const owner = known[path] ?? (path.includes("*") ? known[matchOwner(known, path)] : undefined);
  return { input: from.input, ...(owner === undefined ? {} : { package: owner }) };
}

function matchOwner(owners: Readonly<Record<string, string>>, glob: string): string {
  const matches = globMatcher([glob]);
  return Object.keys(owners).find(matches) ?? "";
}

function addParents(
  put: (entry: ArchiveEntry, origin: Partial<FileRecord>) => void,
  archive: ReadonlyMap<string, ArchiveEntry>,
): void {
  for (const path of [...archive.keys()]) {
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
      if (!archive.has(parent)) put({ type: "directory", path: parent, mode: 0o755 }, {});
    }
  }
}

function recordOf(one: ArchiveEntry, origin: Partial<FileRecord>): FileRecord {
  const mode = one.type === "symlink" ? 0o777 : one.mode;
  if (one.type === "file")
    return { path: one.path, type: one.type, mode, size: one.data.length, sha256: sha256Text(one.data), ...origin };
  return {
    path: one.path,
    type: one.type,
    mode,
    size: 0,
    ...(one.type === "symlink" ? { target: one.target } : {}),
    ...origin,
  };
}

/** The top folder itself: without an entry of its own, mkfs.erofs makes it 0777. */
const top: ArchiveEntry = { type: "directory", path: ".", mode: 0o755 };

async function write(
  format: z.infer<typeof params>["format"],
  entries: readonly ArchiveEntry[],
  { out }: StepContext,
): Promise<void> {
  if (format === "tar")
    await pipeline(Readable.from(writeTar([top, ...entries], treeTime)), createWriteStream(join(out, "data.tar")));
  else if (format === "cpio") await writeFile(join(out, "data.cpio"), writeCpio(entries));
  else {
    for (const one of entries) {
      const path = join(out, "data", one.path);
      await mkdir(one.type === "directory" ? path : dirname(path), { recursive: true });
      if (one.type === "file") await writeFile(path, one.data, { mode: one.mode });
      if (one.type === "symlink") await symlink(one.target, path);
    }
  }
}
