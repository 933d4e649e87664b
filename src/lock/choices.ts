import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";

/** A package as the archive's index describes it. */
const aptPackage = z.strictObject({
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  /** Pool path. */
  path: z.string(),
  size: z.number(),
  sha256: z.string(),
});
export type AptPackage = Readonly<z.infer<typeof aptPackage>>;

const choicesFile = z.strictObject({
  /** Of the lists that apt chose from. */
  lists: z.string(),
  chosen: z.array(z.tuple([z.string(), z.array(aptPackage)])),
});

/** How many sets are kept: those of some dozen projects. */
const most = 200;

export interface Choices {
  /** What was chosen for these names, or `choose`s, and keeps it. */
  readonly of: (names: readonly string[], choose: () => Promise<AptPackage[]>) => Promise<AptPackage[]>;
}

/**
 * What apt chose out of the lists in its folder, kept beside them: a choice takes apt more than a second, and of the same lists it is the same. The lists
 * are known by their Release files, which sign the hashes of all others; of other lists nothing is kept. Whoever works in the folder holds apt's lock.
 */
export async function openChoices(folder: string): Promise<Choices> {
  const file = join(folder, "choices.json");
  const lists = await listsDigest(join(folder, "lists"));
  const chosen = new Map(await readChoices(file, lists));
  return {
    async of(names, choose) {
      const key = JSON.stringify([...names].sort());
      const known = chosen.get(key);
      if (known !== undefined) return known;
      const made = await choose();
      for (const old of [...chosen.keys()].slice(0, Math.max(0, chosen.size - most + 1))) chosen.delete(old);
      chosen.set(key, made);
      await writeFile(`${file}.new`, JSON.stringify({ lists, chosen: [...chosen] }));
      await rename(`${file}.new`, file);
      return made;
    },
  };
}

async function listsDigest(lists: string): Promise<string> {
  const digest = createHash("sha256");
  for (const name of (await readdir(lists)).filter((one) => /Release(\.gpg)?$/.test(one)).sort()) {
    const bytes = await readFile(join(lists, name));
    digest.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return digest.digest("hex");
}

/** What is kept of such lists; nothing where the file is damaged or tells of others. */
async function readChoices(file: string, lists: string): Promise<readonly [string, AptPackage[]][]> {
  const text = await readFile(file, "utf8").catch(() => "null");
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Cut off by a crash of the machine.
  }
  const read = choicesFile.safeParse(json);
  return read.success && read.data.lists === lists ? read.data.chosen : [];
}
