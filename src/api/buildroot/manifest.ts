import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as z from "../../ground/zod.js";
import type { ManifestFile } from "../../report/manifest-file.js";
import { sizeTable, sizeTreemap } from "../../report/sizes.js";
import { walk } from "../../store/tree.js";

const showInfo = z.record(
  z.string(),
  z.object({ version: z.string().optional(), licenses: z.string().optional(), type: z.string().optional() }),
);

export interface BuildrootResultFiles {
  /** Buildroot's output folder. */
  readonly output: string;
  /** What `make show-info` printed: JSON. */
  readonly info: string;
  readonly name: string;
  readonly image: string;
  /** The root file system's image. */
  readonly root: string;
  readonly project: string;
  readonly board: string;
  readonly engine: { readonly name: string; readonly version: string };
  readonly release: string;
}

/** manifest.json, sizes.txt and sizes.html of an image that Buildroot made: who brought a file is in its own lists. */
export async function describeBuildrootImage(job: BuildrootResultFiles): Promise<Readonly<Record<string, string>>> {
  const info = showInfo.parse(JSON.parse(job.info));
  const owners = await readOwners(join(job.output, "build/packages-file-list.txt"));
  const target = join(job.output, "target");
  const files: ManifestFile[] = [];
  for (const path of walk(target, "")) {
    if (path === "THIS_IS_NOT_YOUR_ROOT_FILESYSTEM") continue;
    const full = join(target, path);
    const found = await lstat(full);
    const owner = owners.get(path) ?? "edgeimg";
    const type = found.isSymbolicLink() ? "symlink" : found.isDirectory() ? "directory" : "file";
    files.push({
      part: "root",
      path,
      type,
      mode: (found.mode & 0o7777).toString(8).padStart(4, "0"),
      size: type === "file" ? found.size : 0,
      ...(type === "file" ? { sha256: await hashOf(full) } : {}),
      ...(type === "symlink" ? { target: await readlink(full) } : {}),
      package: owner,
      version: info[owner]?.version,
      license: info[owner]?.licenses,
    });
  }
  const used = [...new Set(files.map((file) => file.package ?? ""))].sort();
  const manifest = {
    format: 1,
    project: job.project,
    board: job.board,
    engine: job.engine,
    distribution: { name: `buildroot-${job.release}`, date: "" },
    image: { file: `${job.name}.img`, bytes: (await stat(job.image)).size, sha256: await hashOf(job.image) },
    root: { bytes: (await stat(job.root)).size, sha256: await hashOf(job.root) },
    packages: used.map((name) => ({
      name,
      version: info[name]?.version ?? "",
      license: info[name]?.licenses ?? "",
    })),
    linked: [],
    components: [],
    inputs: [],
    files,
  };
  return {
    "manifest.json": `${JSON.stringify(manifest, null, 1)}\n`,
    "sizes.txt": sizeTable(files),
    "sizes.html": sizeTreemap(job.name, files),
  };
}

/** Buildroot's list of the files that each package installed, `PACKAGE,./PATH`; the last one that wrote a file has it. */
async function readOwners(file: string): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n")) {
    const [, name = "", path = ""] = /^([^,]+),\.\/(.+)$/.exec(line) ?? [];
    // Packages install below /bin, /lib and /sbin, which are links into /usr.
    if (path !== "") owners.set(path.replace(/^(bin|sbin|lib)\//, "usr/$1/"), name);
  }
  return owners;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
