import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type ElfInfo, readElf } from "../formats/elf.js";

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
  readonly target: string;
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
 * Follows DT_NEEDED and the program interpreter from some files to all libraries that they need, each taken under the name it
 * is asked for by. Throws ERR_EDGEIMG_IMAGE_LIBRARY when one is missing or is for another machine.
 */
export function libraryClosure(
  roots: readonly { readonly path: string; readonly data: Buffer }[],
  options: ClosureOptions,
): NeededLibrary[] {
  const found = new Map<string, NeededLibrary>();
  const present = new Set(roots.map(({ path }) => path.slice(path.lastIndexOf("/") + 1)));
  const queue = roots.map(({ path, data }) => ({ path, elf: readElf(data) }));
  const take = (name: string, neededBy: string) => {
    if (found.has(name) || present.has(name)) return;
    const library = find(name, neededBy, options);
    found.set(name, library);
    const file = join(inputOf(options.inputs, library.input), library.source);
    queue.push({ path: library.target, elf: readElf(readFileSync(file)) });
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

function neededNames(elf: ElfInfo): string[] {
  const loader = elf.interpreter === undefined ? [] : [elf.interpreter.slice(elf.interpreter.lastIndexOf("/") + 1)];
  return [...loader, ...elf.needed];
}

function find(name: string, neededBy: string, { inputs, folders, loaderFolder }: ClosureOptions): NeededLibrary {
  for (const folder of folders) {
    const root = inputOf(inputs, folder.input);
    const path = join(root, folder.path, name);
    if (!existsSync(path)) continue;
    const real = realpathSync(path);
    const home = realpathSync(root);
    if (!real.startsWith(`${home}/`)) continue;
    const isLoader = name.startsWith("ld-linux");
    const target = `${isLoader ? loaderFolder : folder.target}/${name}`;
    return { input: folder.input, source: real.slice(home.length + 1), target, neededBy };
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
