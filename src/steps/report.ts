import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareText } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { node } from "../provenance/node.js";
import { distinct, type Origin, origin } from "../provenance/origin.js";
import { resolver } from "../provenance/resolve.js";
import { layersFile } from "../quantize/report.js";
import type { ManifestFile } from "../report/manifest-file.js";
import { sizeTable, sizeTreemap } from "../report/sizes.js";
import { storedHash } from "../store/tree.js";
import { type FileRecord, readListing } from "./file-record.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { operatorsListing } from "./operators.js";

const params = z.strictObject({
  name: z.string(),
  project: z.string(),
  board: z.string(),
  engine: z.strictObject({ name: z.string(), version: z.string() }),
  /** The input that lists the operators that the engine was built with, when these are not all. */
  operators: z.string().optional(),
  /** Models that were quantized: the inputs `quantized/MODEL` tell how. */
  quantized: z.array(z.string()).optional(),
  distribution: z.strictObject({ name: z.string(), date: z.string() }),
  /** The steps whose listings are the image's parts, and how the origins of each are found. */
  parts: z.strictObject({
    /** What the chip reads from fixed places. */
    loader: z.array(z.string()).optional(),
    boot: z.array(z.string()),
    initramfs: z.array(z.string()),
    root: z.array(z.string()),
  }),
  provenance: z.record(z.string(), node),
  /** The origin of what the plan itself writes into files. */
  frame: origin,
  /** Debian packages by their file's name. */
  debs: z.record(
    z.string(),
    z.strictObject({ purl: z.string(), name: z.string(), version: z.string(), sha256: z.string(), need: z.string() }),
  ),
  sources: z.array(z.strictObject({ purl: z.string(), file: z.string(), sha256: z.string() })),
});

/** Writes `manifest.json`, `sizes.txt` and `sizes.html` of an image. */
export const reportKind = defineKind({
  name: "report",
  version: 4,
  params,
  async run(options, { inputs, out }) {
    const folder = (step: string) => inputFolder(inputs, step);
    const packageOrigin = packageOrigins(options, folder);
    const { file } = resolver({ nodes: options.provenance, folder, packageOrigin, frame: options.frame });
    const files: ManifestFile[] = [];
    const used: Origin[] = [];
    const owned: Origin[] = [];
    for (const [part, steps = []] of Object.entries(options.parts)) {
      for (const { record, inputs } of await listingOf(steps, options, folder)) {
        const origins = await file(inputs, record);
        const [main] = origins;
        used.push(...origins);
        if (main !== undefined) owned.push(main);
        files.push({
          part,
          path: record.path,
          type: record.type,
          mode: record.mode.toString(8).padStart(4, "0"),
          size: record.size,
          // A hash lets anybody try which key makes it.
          sha256: isSecret(record) ? undefined : record.sha256,
          target: record.target,
          package: main?.name,
          version: main?.version,
          license: main?.license,
          contains: origins.length > 1 ? origins.map(({ name }) => name) : undefined,
          neededBy: record.neededBy,
        });
      }
    }
    const all = distinct(used);
    const isOwner = new Set(owned.map(({ name }) => name));
    const packages = all.filter(({ kind }) => kind === "package");
    const manifest = {
      format: 1,
      project: options.project,
      board: options.board,
      engine: { ...options.engine, ...(await operatorsOf(options, folder)) },
      quantized: await quantizedModels(options, folder),
      distribution: options.distribution,
      image: { file: `${options.name}.img`, ...(await factsOf(folder("disk"), `${options.name}.img`)) },
      root: await factsOf(folder("rootImage"), "root.img"),
      packages: packages.filter(({ name }) => isOwner.has(name)),
      // Packages of which only a part of another file is in the image: the archives that programs are linked with.
      linked: packages.filter(({ name }) => !isOwner.has(name)),
      components: all.filter(({ kind }) => kind !== "package"),
      inputs: [...Object.values(options.debs).map(({ purl, sha256 }) => ({ purl, sha256 })), ...options.sources],
      files,
    };
    await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
    await writeFile(join(out, "sizes.txt"), sizeTable(files));
    await writeFile(join(out, "sizes.html"), sizeTreemap(options.name, files));
  },
});

/** What a project wrote into a file that is for root alone, such as keys of networks. */
function isSecret({ input, mode }: FileRecord): boolean {
  return input === "edgeimg" && (mode & 0o077) === 0;
}

/** The operators of an engine that was built with the models' alone. */
async function operatorsOf({ operators }: z.infer<typeof params>, folder: (step: string) => string) {
  if (operators === undefined) return {};
  const text = await readFile(join(folder(operators), operatorsListing), "utf8");
  return { operators: text.split("\n").filter((line) => line !== "") };
}

/** What each quantized model was made of, and how; undefined when there is none. */
async function quantizedModels({ quantized }: z.infer<typeof params>, folder: (step: string) => string) {
  if (quantized === undefined) return undefined;
  const told = quantized.map(async (model) => {
    const text = await readFile(join(folder(`quantized/${model}`), "layers.json"), "utf8");
    const { of, settings } = layersFile.parse(JSON.parse(text));
    return [model, { ...of, settings }] as const;
  });
  return Object.fromEntries(await Promise.all(told));
}

/** The files of one part of an image, sorted by path, each with the inputs of the step that laid it. */
async function listingOf(
  steps: readonly string[],
  { provenance }: Pick<z.infer<typeof params>, "provenance">,
  folder: (step: string) => string,
) {
  const lists = await Promise.all(
    steps.map(async (step) => {
      const known = provenance[step];
      if (known?.from !== "listing") throw new Error(`${step} has no listing`);
      const listing = await readListing(folder(step));
      return listing.map((record) => ({ record, inputs: known.inputs }));
    }),
  );
  return lists.flat().sort((a, b) => compareText(a.record.path, b.record.path));
}

/** Origins of Debian packages by their file's name; a licence is what the copyright file of one of the roots says. */
function packageOrigins(
  { debs, provenance }: z.infer<typeof params>,
  folder: (step: string) => string,
): (file: string) => Promise<Origin> {
  const roots = Object.values(provenance).flatMap((one) => (one.from === "packages" ? [one.input] : []));
  const known = new Map<string, Promise<Origin>>();
  const read = async (file: string): Promise<Origin> => {
    const deb = debs[file];
    if (deb === undefined) throw new Error(`the lock has no package file ${file}`);
    let license = "see copyright file";
    for (const root of roots) {
      const path = join(folder(root), "root/usr/share/doc", deb.name, "copyright");
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text !== undefined) license = licensesIn(text);
    }
    return { kind: "package", ...deb, license };
  };
  return (file) => {
    const found = known.get(file) ?? read(file);
    known.set(file, found);
    return found;
  };
}

/**
 * Short names of licences in a Debian copyright file, sorted: those of the machine-readable format 1.0; of prose, the texts in
 * /usr/share/common-licenses that it refers to (Debian policy 12.5).
 */
function licensesIn(text: string): string {
  const told = [...text.matchAll(/^License:[ \t]*(\S.*)$/gm)].map(([, name = ""]) => name.trim());
  const common = [...text.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z0-9.+-]*[A-Za-z0-9+])/g)].map(
    ([, name = ""]) => name,
  );
  const found = told.length > 0 ? told : common;
  return found.length === 0 ? "see copyright file" : [...new Set(found)].sort().join(", ");
}

async function factsOf(folder: string, name: string): Promise<{ bytes: number; sha256: string }> {
  return { bytes: (await stat(join(folder, name))).size, sha256: await storedHash(folder, name) };
}
