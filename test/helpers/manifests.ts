import type { Manifest } from "../../src/report/manifest.js";

type File = Partial<Manifest["files"][number]> & { readonly path: string; readonly size: number };

/** A manifest of some files; each has its own hash unless one is given. */
export function manifestOf(files: readonly File[], more: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    project: "toy",
    board: "some-board",
    engine: { name: "ncnn", version: "1" },
    image: { file: "toy.img", bytes: 1000 },
    root: { bytes: 500 },
    packages: [],
    linked: [],
    components: [],
    files: files.map((file) => ({ part: "root", sha256: `${file.path} ${file.size}`, ...file })),
    ...more,
  };
}
