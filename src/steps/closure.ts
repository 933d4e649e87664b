import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type ElfInfo, readElf } from "../formats/elf.js";
import type { ArchiveEntry } from "../formats/tar-writer.js";

/** Where shared libraries are looked for: a folder of an input, and the folder that it becomes in the image. */
export interface LibraryFolder {
  readonly input: string;
  readonly path: string;
  readonly target: string;
}

/** A library that something needs: its file, its place in the image, and who needs it. */
export interface NeededLibrary {
  readonly input: string;
  /** Path in the input, links followed. */
  readonly source: string;
  /** The file's path in the image. */
  readonly path: string;
  /** A link beside it, where the name that it is asked for by is not the file's own. */
  readonly link?: string | undefined;
  readonly neededBy: string;
}

export interface ClosureOptions {
  readonly inputs: Readonly<Record<string, string>>;
  readonly folders: readonly LibraryFolder[];
  /** ELF e_machine of the target: others are refused. */
  readonly machine: number;
  /** Libraries that nothing links but that must be there, since a program opens them; and what needs them. */
  readonly wanted?: readonly { readonly name: string; readonly neededBy: string }[] | undefined;
  /** Where the program interpreter lies: file name -> path in the image. */
  readonly loaderFolder: string;
}

/**
 * Follows DT_NEEDED and the program interpreter from the files of an image to all libraries that they need. A library is one file; where
 * its package has a link for the name it is asked for by (the soname), the image has that link as well.
 * Throws ERR_EDGEIMG_IMAGE_LIBRARY when one is missing or is for another machine.
 */
export function libraryClosure(image: readonly ArchiveEntry[], options: ClosureOptions): NeededLibrary[] {
  const found = new Map<string, NeededLibrary>();
  const present = presentNames(image);
  const queue = image.flatMap((one) => (one.type === "file" ? [{ path: one.path, elf: readElf(one.data) }] : []));
  const take = (name: string, neededBy: string) => {
    if (found.has(name) || present.has(name)) return;
    const library = find(name, neededBy, options);
    found.set(name, library);
    const file = join(inputOf(options.inputs, library.input), library.source);
    queue.push({ path: library.path, elf: readElf(readFileSync(file)) });
  };
  for (const { name, neededBy } of options.wanted ?? []) take(name, neededBy);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, elf } = next;
    if (elf === undefined) continue;
    checkMachine(path, elf, options.machine);
    for (const name of neededNames(elf)) take(name, path);
  }
  return [...found.values()];
}

/** Names under which files lie in an image, be it by a link. */
function presentNames(image: readonly ArchiveEntry[]): Set<string> {
  const files = new Set(image.flatMap(({ type, path }) => (type === "file" ? [path] : [])));
  const links = new Map(image.flatMap((one) => (one.type === "symlink" ? [[one.path, one.target] as const] : [])));
  const leadsToFile = (path: string, hops: number): boolean => {
    const target = links.get(path);
    if (target === undefined) return files.has(path);
    const next = target.startsWith("/") ? normalize(target.slice(1)) : normalize(join(dirname(path), target));
    return hops < mostLinks && leadsToFile(next, hops + 1);
  };
  return new Set([...files, ...[...links.keys()].filter((path) => leadsToFile(path, 0))].map((path) => basename(path)));
}

/** As many links as Linux follows in one path (path_resolution(7)). */
const mostLinks = 40;

function neededNames(elf: ElfInfo): string[] {
  const loader = elf.interpreter === undefined ? [] : [elf.interpreter.slice(elf.interpreter.lastIndexOf("/") + 1)];
  return [...loader, ...elf.needed];
}

function find(name: string, neededBy: string, { inputs, folders, loaderFolder }: ClosureOptions): NeededLibrary {
  for (const folder of folders) {
    const root = inputOf(inputs, folder.input);
    const asked = join(root, folder.path, name);
    if (!existsSync(asked)) continue;
    const real = realpathSync(asked);
    const home = realpathSync(root);
    if (!real.startsWith(`${home}/`)) continue;
    const source = real.slice(home.length + 1);
    // The kernel wants the loader at one fixed path; a link into another folder (as alternatives are) would lead nowhere.
    const isLoader = name.startsWith("ld-linux");
    if (isLoader || dirname(real) !== realpathSync(join(root, folder.path)) || basename(real) === name)
      return { input: folder.input, source, path: `${isLoader ? loaderFolder : folder.target}/${name}`, neededBy };
    const path = `${folder.target}/${basename(real)}`;
    return { input: folder.input, source, path, link: `${folder.target}/${name}`, neededBy };
  }
  throw new EdgeimgError(
    "ERR_EDGEIMG_IMAGE_LIBRARY",
    `${neededBy} needs ${name}, which no package or recipe of this image provides.`,
    {
      hint: "Add the package that holds it to the recipe's `packages.rootfs`, or to `packages` in edgeimg.yaml.",
    },
  );
}

function checkMachine(path: string, elf: ElfInfo, machine: number): void {
  if (elf.machine === machine) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_IMAGE_LIBRARY",
    `${path} is for another machine (ELF machine ${elf.machine}, the board has ${machine}).`,
    {
      hint: "Take the file for the board's architecture.",
    },
  );
}

function inputOf(inputs: Readonly<Record<string, string>>, name: string): string {
  const folder = inputs[name];
  if (folder === undefined) throw new Error(`the step has no input "${name}"`);
  return folder;
}
