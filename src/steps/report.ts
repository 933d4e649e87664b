import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as z from "../ground/zod.js";
import { sizeTable, sizeTreemap } from "../report/sizes.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const component = z.strictObject({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  purl: z.string().optional(),
  sha256: z.string().optional(),
  /** What asked for it, in words. */
  need: z.string(),
});

const params = z.strictObject({
  name: z.string(),
  project: z.string(),
  board: z.string(),
  engine: z.strictObject({ name: z.string(), version: z.string() }),
  distribution: z.strictObject({ name: z.string(), date: z.string() }),
  /** What is not a Debian package, by the input that it came from. */
  components: z.record(z.string(), component),
  /** Debian packages by their file's name. */
  debs: z.record(
    z.string(),
    z.strictObject({ purl: z.string(), name: z.string(), version: z.string(), sha256: z.string(), need: z.string() }),
  ),
  /** Archives that our programs are linked with: their packages are in the image although none of their files is. */
  static: z.strictObject({ input: z.string(), paths: z.array(z.string()) }),
  sources: z.array(z.strictObject({ purl: z.string(), file: z.string(), sha256: z.string() })),
});

const fileRecord = z.object({
  path: z.string(),
  type: z.enum(["file", "directory", "symlink"]),
  mode: z.int(),
  size: z.int(),
  sha256: z.string().optional(),
  target: z.string().optional(),
  input: z.string().optional(),
  package: z.string().optional(),
  neededBy: z.string().optional(),
});

/** One file of the image as `manifest.json` tells it. */
export interface ManifestFile {
  /** "boot", "initramfs" or "root". */
  readonly part: string;
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Octal. */
  readonly mode: string;
  readonly size: number;
  readonly sha256?: string | undefined;
  readonly target?: string | undefined;
  readonly package?: string | undefined;
  readonly version?: string | undefined;
  readonly license?: string | undefined;
  /** The file that needs it, when it was taken for that. */
  readonly neededBy?: string | undefined;
}

/** Writes `manifest.json`, `sizes.txt` and `sizes.html` of an image. */
export const reportKind = defineKind({
  name: "report",
  version: 2,
  params,
  async run(options, { inputs, out }) {
    const roots = ["packages", "kernel", "firmware", "extra", options.static.input].filter(
      (name) => inputs[name] !== undefined,
    );
    const licenses = new Map<string, string>();
    const licenseOf = async (name: string): Promise<string> => {
      const known = licenses.get(name);
      if (known !== undefined) return known;
      let found = "see copyright file";
      for (const root of roots) {
        const text = await readFile(
          join(inputFolder(inputs, root), "root/usr/share/doc", name, "copyright"),
          "utf8",
        ).catch(() => undefined);
        if (text !== undefined) found = licensesIn(text);
      }
      licenses.set(name, found);
      return found;
    };
    const files: ManifestFile[] = [];
    for (const [part, input] of [
      ["boot", "boot"],
      ["initramfs", "initramfs"],
      ["root", "rootfs"],
    ] as const) {
      const listing = z
        .array(fileRecord)
        .parse(JSON.parse(await readFile(join(inputFolder(inputs, input), "files.json"), "utf8")));
      for (const record of listing) {
        const deb = record.package === undefined ? undefined : options.debs[record.package];
        const origin =
          deb === undefined
            ? componentOf(record.input, options.components)
            : { ...deb, license: await licenseOf(deb.name) };
        files.push({
          part,
          path: record.path,
          type: record.type,
          mode: record.mode.toString(8).padStart(4, "0"),
          size: record.size,
          sha256: record.sha256,
          target: record.target,
          package: origin?.name,
          version: origin?.version,
          license: origin?.license,
          neededBy: record.neededBy,
        });
      }
    }
    const image = join(inputFolder(inputs, "disk"), `${options.name}.img`);
    const rootImage = join(inputFolder(inputs, "rootImage"), "root.img");
    const used = new Set(files.map((file) => file.package));
    const manifest = {
      format: 1,
      project: options.project,
      board: options.board,
      engine: options.engine,
      distribution: options.distribution,
      image: { file: `${options.name}.img`, bytes: (await stat(image)).size, sha256: await hashOf(image) },
      root: { bytes: (await stat(rootImage)).size, sha256: await hashOf(rootImage) },
      packages: await Promise.all(
        Object.values(options.debs)
          .filter((deb) => used.has(deb.name))
          .map(async (deb) => ({ ...deb, license: await licenseOf(deb.name) })),
      ),
      linked: await Promise.all(
        linkedDebs(inputFolder(inputs, options.static.input), options).map(async (deb) => ({
          ...deb,
          license: await licenseOf(deb.name),
        })),
      ),
      components: Object.values(options.components).filter(
        (one, index, all) => all.findIndex((other) => other.name === one.name) === index,
      ),
      inputs: [...Object.values(options.debs).map(({ purl, sha256 }) => ({ purl, sha256 })), ...options.sources],
      files,
    };
    await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
    await writeFile(join(out, "sizes.txt"), sizeTable(files));
    await writeFile(join(out, "sizes.html"), sizeTreemap(options.name, files));
  },
});

/** The packages of the archives that our programs are linked with, by the sysroot's record of owners. */
function linkedDebs(root: string, options: z.infer<typeof params>): z.infer<typeof params>["debs"][string][] {
  const owners = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(join(root, "owners.json"), "utf8")));
  const names = new Set(options.static.paths.map((path) => owners[path] ?? ""));
  return [...names].sort().flatMap((name) => options.debs[name] ?? []);
}

function componentOf(
  input: string | undefined,
  components: z.infer<typeof params>["components"],
): z.infer<typeof component> | undefined {
  if (input === undefined) return undefined;
  if (input.startsWith("model/") || input.startsWith("unpack/") || input.startsWith("model-file/")) {
    return {
      name: input.split("/").slice(0, 2).join("/"),
      version: "",
      license: "see the model's source",
      need: "the project's models",
    };
  }
  return components[input] ?? (input.startsWith("local/") ? components.bundle : undefined);
}

/** Short names of licences in a Debian copyright file (machine-readable format 1.0), sorted. */
function licensesIn(text: string): string {
  const found = [...text.matchAll(/^License:[ \t]*(\S.*)$/gm)].map(([, name = ""]) => name.trim());
  return found.length === 0 ? "see copyright file" : [...new Set(found)].sort().join(", ");
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
