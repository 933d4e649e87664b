import { lstatSync, readlinkSync } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { readElf } from "../formats/elf.js";
import { globMatcher } from "../formats/glob.js";
import { compareText } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { walk } from "../store/tree.js";
import { makeLinks } from "./archive-links.js";
import { extractDeb, unpackFailure } from "./archives.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  /** Paths that are unpacked, relative to the root. */
  only: z.array(z.string()).default(["**"]),
  exclude: z.array(z.string()).default([]),
  /** Links that the packages' own scripts would have made, or that take the place of what they hold: path -> target. */
  links: z.record(z.string(), z.string()).default({}),
  /** For host programs: start them through this root's own loader. */
  wrap: z
    .strictObject({
      loader: z.string(),
      libraries: z.array(z.string()),
      /** Folders whose programs are wrapped. */
      folders: z.array(z.string()),
    })
    .optional(),
});

/** The merged-/usr links of Debian, which its base-files makes (Debian policy 9.1; usrmerge). */
const merged = ["bin", "sbin", "lib", "lib64"];

/**
 * Unpacks a set of Debian packages into one root: `root/` holds the files, `owners.json` says which package file each came from.
 * No maintainer script runs.
 */
export const rootKind = defineKind({
  name: "root",
  version: 1,
  params,
  async run(options, context) {
    const root = join(context.out, "root");
    for (const folder of merged) {
      await mkdir(join(root, "usr", folder), { recursive: true });
      await symlink(`usr/${folder}`, join(root, folder));
    }
    const debs = (await readdir(inputFolder(context.inputs, "debs"))).sort(compareText);
    const owners = await unpackAll({ root, debs, options, context });
    for (const [path, target] of Object.entries(options.links)) {
      await rm(join(root, path), { recursive: true, force: true });
      await mkdir(dirname(join(root, path)), { recursive: true });
      await symlink(target, join(root, path));
    }
    if (options.wrap !== undefined) await wrapPrograms(root, options.wrap);
    await writeFile(join(context.out, "owners.json"), JSON.stringify(owners, Object.keys(owners).sort(compareText), 0));
  },
});

type Options = z.infer<typeof params>;

async function unpackAll(job: {
  root: string;
  debs: readonly string[];
  options: Options;
  context: StepContext;
}): Promise<Record<string, string>> {
  const { root, debs, options, context } = job;
  const only = globMatcher(options.only);
  const exclude = globMatcher(options.exclude);
  const owners: Record<string, string> = {};
  const links = new Map<string, string>();
  for (const [index, deb] of debs.entries()) {
    context.services.signal.throwIfAborted();
    const extracted = await extractDeb(join(inputFolder(context.inputs, "debs"), deb), {
      into: root,
      strip: 0,
      rename: intoUsr,
      wanted: (path) => only(intoUsr(path)) && !exclude(intoUsr(path)),
      signal: context.services.signal,
    }).catch((error) => {
      throw context.services.signal.aborted ? error : unpackFailure(deb, error);
    });
    for (const path of extracted.files) owners[path] = deb;
    for (const [path, target] of extracted.links) {
      owners[path] = deb;
      links.set(path, target);
    }
    context.progress(index + 1, debs.length, "files");
  }
  await makeLinks(root, links, "a package");
  return owners;
}

/** Packages may still ship /lib/... although it is a link to /usr/lib. */
function intoUsr(path: string): string {
  return merged.includes(path.split("/")[0] ?? "") ? `usr/${path}` : path;
}

type Wrap = NonNullable<Options["wrap"]>;

/**
 * Puts a small script in the place of each dynamic program, which starts it with the root's own loader and libraries, found from
 * the script's own place: a root works wherever it lies. Links to such a program become scripts as well, because `$0` is then
 * the link's path.
 */
async function wrapPrograms(root: string, wrap: Wrap): Promise<void> {
  const inFolders = (path: string) => wrap.folders.some((folder) => path.startsWith(`${folder}/`));
  const paths = [...walk(root, "")].filter((path) => !merged.includes(path));
  const programs = new Set<string>();
  for (const path of paths) if (inFolders(path) && (await isDynamicProgram(join(root, path)))) programs.add(path);
  const links = paths.flatMap((path) => {
    const target = linkTarget(root, path);
    return target !== undefined && programs.has(target) ? [{ path, target }] : [];
  });
  for (const path of programs) {
    const real = realPlace(path);
    await mkdir(dirname(join(root, real)), { recursive: true });
    await rename(join(root, path), join(root, real));
    await writeFile(join(root, path), wrapper({ path, real, wrap }), { mode: 0o755 });
  }
  for (const { path, target } of links) {
    await rm(join(root, path));
    await writeFile(join(root, path), wrapper({ path, real: realPlace(target), wrap }), { mode: 0o755 });
  }
}

const realPlace = (path: string): string => join(dirname(path), ".real", basename(path));

function wrapper({ path, real, wrap }: { path: string; real: string; wrap: Wrap }): string {
  const up = relative(dirname(path), "") || ".";
  const libraries = wrap.libraries.map((folder) => `"$d/${folder}"`).join(":");
  return `#!/bin/sh\nd=\${0%/*}/${up}\nexec "$d/${wrap.loader}" --argv0 "$0" --library-path ${libraries} "$d/${real}" "$@"\n`;
}

async function isDynamicProgram(path: string): Promise<boolean> {
  const found = await lstat(path);
  if (!found.isFile() || (found.mode & 0o100) === 0 || path.endsWith(".so")) return false;
  const file = await open(path, "r");
  try {
    // Program headers and interpreter stand at the front of every file that a linker made.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return (
      readElf(buffer.subarray(0, bytesRead))?.interpreter !== undefined || hasInterpreter(buffer.subarray(0, bytesRead))
    );
  } finally {
    await file.close();
  }
}

function hasInterpreter(front: Buffer): boolean {
  return front.length > 4 && front.readUInt32BE(0) === 0x7f454c46 && front.includes("/ld-linux");
}

/** Where a link ends within the root, following links of links. */
function linkTarget(root: string, path: string): string | undefined {
  let current = path;
  for (let hops = 0; hops < 10; hops++) {
    const found = lstatSync(join(root, current), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) return current === path ? undefined : current;
    const target = readlinkSync(join(root, current));
    current = intoUsr(target.startsWith("/") ? target.slice(1) : join(dirname(current), target));
    if (current.startsWith("..")) return undefined;
  }
  return undefined;
}
