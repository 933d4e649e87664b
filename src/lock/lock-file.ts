import { PackageURL } from "@socketregistry/packageurl-js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { compareText } from "../ground/canonical.js";
import * as z from "../ground/zod.js";

/** A Debian package by name, version and architecture: plain words, since file names are made of them. */
const debPurl = z.string().refine(isDebPurl, "no package URL of a Debian package with version and architecture");
const date = z.string().refine((text) => text === "" || !Number.isNaN(Date.parse(text)), "no date");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A path below a mirror's address. */
const poolPath = z
  .string()
  .max(1000)
  .regex(/^[A-Za-z0-9%+.,_~:@=/-]+$/, "no path of a package")
  .refine(
    (path) => !path.split("/").some((part) => part === "" || part === "." || part === ".."),
    "no path of a package",
  );
/** Larger than any package of Debian. */
const packageSize = z
  .int()
  .positive()
  .max(2 ** 36);
/** A package's name as apt takes it from us: never a file, an option or a release. */
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]{0,99}$/, "no name of a Debian package");
const nameGlob = z.string().regex(/^[a-z0-9+.*-]{1,100}$/, "no pattern of package names");
const setName = z.string().regex(/^[a-z0-9][a-z0-9+./-]{0,199}$/, "no name of a set of packages");
const architecture = z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, "no name of an architecture");
/** A package URL with version, and behind # the file of that version. */
const sourceName = z
  .string()
  .max(2000)
  .regex(/^pkg:[a-z]+\/[^\s\\]+@[^\s\\]+$/, "no package URL with version");

const shortName = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, "no name");
const engineChoice = z.strictObject({
  engine: shortName,
  by: z.string().max(100),
  /** Of the comparison's file. */
  bench: sha256,
  /** For people. */
  why: z.string().max(2000),
});
export type EngineChoice = z.infer<typeof engineChoice>;

const lockSchema = z.strictObject({
  format: z.literal(1),
  /** The date of the archive's Release file when the packages were chosen, for a snapshot mirror. */
  distribution: z.strictObject({ name: z.string().max(100), date }),
  /** A set of packages: what was asked for, and the closure that was chosen. */
  sets: z.record(
    setName,
    z.strictObject({
      arch: architecture,
      request: z.array(packageName),
      /** Only packages of the closure with such names were kept. */
      keep: z.array(nameGlob).optional(),
      packages: z.array(z.string()),
    }),
  ),
  packages: z.record(debPurl, z.strictObject({ path: poolPath, size: packageSize, sha256 })),
  /** The project's own sources, by purl and file. */
  sources: z.record(sourceName, z.strictObject({ sha256, size: packageSize.optional() })),
  /** What recipes bring: sources, converters, references; absent in locks of before. */
  recipes: z.record(sourceName, z.strictObject({ sha256, size: packageSize.optional() })).default({}),
  /** The engine that a comparison chose for a board, by what, from which file, and why; absent where a project names its engine. */
  engines: z.record(shortName, engineChoice).optional(),
  /** Of models that are quantized, by name: the model in floating point, all that it was calibrated with, and how; absent before the first build. */
  quantized: z
    .record(
      z.string().max(200),
      z.strictObject({ model: sha256, calibration: sha256.nullable(), way: z.string().max(2000) }),
    )
    .optional(),
});

/** Everything that a build fetches, pinned. Holds no addresses: those come from the user's own configuration. */
export type Lock = z.infer<typeof lockSchema>;

export const emptyLock = (distribution: string): Lock => ({
  format: 1,
  distribution: { name: distribution, date: "" },
  sets: {},
  packages: {},
  sources: {},
  recipes: {},
});

/** When the locked packages were chosen, in seconds since 1970. */
export function epochOf({ distribution }: Pick<Lock, "distribution">): number {
  return Math.floor(Date.parse(distribution.date) / 1000);
}

/** A hundred times that of every board and engine together. */
const longestLock = 2 ** 26;

/** Reads a lock file's text. Throws ERR_EDGEIMG_LOCK_INVALID. */
export function parseLock(text: string, file: string): Lock {
  if (text.length > longestLock) throw invalid(file, `is longer than ${longestLock} characters`, undefined);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, "is not JSON", cause);
  }
  const parsed = lockSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(
      file,
      `is not a lock of format 1: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim(),
      parsed.error,
    );
  }
  for (const [name, set] of Object.entries(parsed.data.sets)) {
    const missing = set.packages.find((id) => !Object.hasOwn(parsed.data.packages, id));
    if (missing !== undefined) throw invalid(file, `names ${missing} in set "${name}" but does not pin it`, undefined);
  }
  return parsed.data;
}

/** Text with sorted keys and one package a line, so that a reviewer sees what moved. */
export function formatLock(lock: Lock): string {
  const used = new Set(Object.values(lock.sets).flatMap((set) => set.packages));
  const lines = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record)
      .sort(([a], [b]) => compareText(a, b))
      .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
      .join(",\n");
  const sets = Object.entries(lock.sets)
    .sort(([a], [b]) => compareText(a, b))
    .map(
      ([name, set]) =>
        `    ${JSON.stringify(name)}: {\n      "arch": ${JSON.stringify(set.arch)},\n      "request": ${JSON.stringify(set.request)},\n${set.keep === undefined ? "" : `      "keep": ${JSON.stringify(set.keep)},\n`}      "packages": [\n${set.packages
          .map((id) => `        ${JSON.stringify(id)}`)
          .join(",\n")}\n      ]\n    }`,
    )
    .join(",\n");
  const packages = Object.fromEntries(Object.entries(lock.packages).filter(([id]) => used.has(id)));
  return `{
  "format": 1,
  "distribution": ${JSON.stringify(lock.distribution)},
  "sets": {\n${sets}\n  },
  "packages": {\n${lines(packages)}\n  },
  "sources": {\n${lines(lock.sources)}\n  },
  "recipes": {\n${lines(lock.recipes)}\n  }${lock.engines === undefined ? "" : `,\n  "engines": {\n${lines(lock.engines)}\n  }`}${lock.quantized === undefined ? "" : `,\n  "quantized": {\n${lines(lock.quantized)}\n  }`}
}
`;
}

function isDebPurl(text: string): boolean {
  try {
    const { type, namespace, name, version, qualifiers, subpath } = PackageURL.fromString(text);
    const words = [namespace, name, version, qualifiers?.arch];
    return (
      type === "deb" &&
      subpath === undefined &&
      words.every((word) => /^[A-Za-z0-9][A-Za-z0-9.+:~_-]*$/.test(String(word ?? "")))
    );
  } catch {
    return false;
  }
}

function invalid(file: string, what: string, cause: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_LOCK_INVALID", `${file} ${what}.`, {
    place: { file },
    cause,
    hint: "Restore it from version control, or delete it and build again.",
  });
}
