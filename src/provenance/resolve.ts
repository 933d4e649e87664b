import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import type { ProvenanceNode } from "./node.js";
import { distinct, type Origin } from "./origin.js";

const owners = z.record(z.string(), z.string());
const listing = z.array(z.object({ size: z.number(), input: z.string().optional(), package: z.string().optional() }));
const packageJson = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  license: z.string().optional(),
});

export interface ResolveOptions {
  readonly nodes: Readonly<Record<string, ProvenanceNode>>;
  /** The tree of each step that the nodes look into. */
  readonly folder: (step: string) => string;
  /** The origin of a package by its file's name. */
  readonly packageOrigin: (file: string) => Promise<Origin>;
  /** The origin of what a plan writes into files by itself. */
  readonly frame: Origin;
}

export interface Resolver {
  /** Origins of a whole tree, the one with the most bytes in it first where that is known. */
  tree(step: string): Promise<Origin[]>;
  /** Origins of one file of an assembled tree, of which its listing names the input and the package. */
  file(
    inputs: Readonly<Record<string, string>>,
    record: { input?: string | undefined; package?: string | undefined },
  ): Promise<Origin[]>;
}

/** Follows a provenance graph down to origins. Every tree is looked into once. */
export function resolver({ nodes, folder, packageOrigin, frame }: ResolveOptions): Resolver {
  const known = new Map<string, Promise<Origin[]>>();
  const json: ReadJson = async (step, path) => JSON.parse(await readFile(join(folder(step), path), "utf8"));

  const tree = (step: string): Promise<Origin[]> => {
    const found = known.get(step) ?? resolve(step).then(distinct);
    known.set(step, found);
    return found;
  };

  const file: Resolver["file"] = async (inputs, record) => {
    if (record.package !== undefined) return [await packageOrigin(record.package)];
    if (record.input === undefined) return [];
    const step = inputs[record.input];
    return step === undefined ? [frame] : await tree(step);
  };

  const ofPackages = async (step: string, paths: readonly string[] | undefined): Promise<Origin[]> => {
    const found = owners.parse(await json(step, "owners.json"));
    const files = paths?.map((path) => {
      const owner = found[path];
      if (owner === undefined) throw new Error(`no package of ${step} owns ${path}`);
      return owner;
    });
    return await Promise.all([...new Set(files ?? Object.values(found))].map(packageOrigin));
  };

  const ofMaterial = async ({ step, paths }: NodeOf<"materials">["materials"][number]): Promise<Origin[]> =>
    paths !== undefined && nodes[step]?.from === "packages" ? await ofPackages(step, paths) : await tree(step);

  const resolve = async (step: string): Promise<Origin[]> => {
    const node = nodes[step];
    if (node === undefined) throw new Error(`nothing tells where ${step} comes from`);
    switch (node.from) {
      case "origins":
        return node.origins;
      case "packages":
        return await ofPackages(node.input, undefined);
      case "npm":
        return [await npmOrigin(json, { step: node.input, path: "package.json", otherwise: node.known })];
      case "bundle":
        return [...(await tree(node.project)), ...(await importedOrigins(json, node))];
      case "listing": {
        const files: { readonly origins: Origin[]; readonly size: number }[] = [];
        for (const record of listing.parse(await json(node.input, "files.json")))
          files.push({ origins: await file(node.inputs, record), size: record.size });
        return bySize(files);
      }
      case "materials":
        return (await Promise.all(node.materials.map(ofMaterial))).flat();
    }
  };

  return { tree, file };
}

type NodeOf<K extends ProvenanceNode["from"]> = Extract<ProvenanceNode, { from: K }>;
/** Reads a JSON file of a step's tree. */
type ReadJson = (step: string, path: string) => Promise<unknown>;

/** Origins of the npm packages that a bundle's source map names. */
async function importedOrigins(json: ReadJson, { input, packages }: NodeOf<"bundle">): Promise<Origin[]> {
  const { sources } = z.object({ sources: z.array(z.string()) }).parse(await json(input, "main.js.map"));
  if (packages === undefined) return [];
  const folders = [...new Set(sources.flatMap(packageOf))].sort();
  return await Promise.all(
    folders.map((folder) => {
      const name = folder.split(modules).at(-1) ?? folder;
      const otherwise = { kind: "npm", name, version: "", license: "NOASSERTION", need: "the app imports it" } as const;
      return npmOrigin(json, { step: packages, path: `${folder}/package.json`, otherwise });
    }),
  );
}

/** The origin of an npm package by its package.json, as far as that tells. */
async function npmOrigin(
  json: ReadJson,
  { step, path, otherwise }: { readonly step: string; readonly path: string; readonly otherwise: Origin },
): Promise<Origin> {
  const found = packageJson.safeParse(await json(step, path).catch(() => undefined));
  if (!found.success) return otherwise;
  const { name = otherwise.name, version = otherwise.version, license = otherwise.license } = found.data;
  const purl = otherwise.purl ?? `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { ...otherwise, name, version, license, purl };
}

/** The origins of files, those of the most bytes first. */
function bySize(files: readonly { readonly origins: Origin[]; readonly size: number }[]): Origin[] {
  const bytes = new Map<string, { origins: Origin[]; size: number }>();
  for (const { origins, size } of files) {
    if (origins.length === 0) continue;
    const key = origins.map(({ name }) => name).join("\0");
    const sum = bytes.get(key) ?? { origins, size: 0 };
    bytes.set(key, { origins, size: sum.size + size });
  }
  return [...bytes.values()].sort((a, b) => b.size - a.size).flatMap(({ origins }) => origins);
}

const modules = "node_modules/";

/** The folder below the first node_modules of the npm package that a source of a source map belongs to: `a/node_modules/@s/b`. */
function packageOf(source: string): string[] {
  const start = source.indexOf(modules);
  if (start === -1) return [];
  const last = source.lastIndexOf(modules) + modules.length;
  const [first = "", second = ""] = source.slice(last).split("/");
  return [source.slice(start + modules.length, last) + (first.startsWith("@") ? `${first}/${second}` : first)];
}
