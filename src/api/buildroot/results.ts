import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ImageRequest, imageName } from "../../image/request.js";
import type { Lock } from "../../lock/lock-file.js";
import { bmapStep, compressStep } from "../../parts/disk-files.js";
import { planContext, toolsRoot } from "../../parts/roots.js";
import type { Plan } from "../../plan/step.js";
import { describeBuildrootImage } from "./manifest.js";

/** Folders that hold what Buildroot made, as files that the other builder's steps write. */
export interface ResultFolders {
  /** NAME.img alone. */
  readonly disk: string;
  /** Manifest and sizes. */
  readonly report: string;
}

/** Puts the card's image, and what is told of it, into folders of their own below `work`, made anew. */
export async function collectResults(
  request: ImageRequest,
  made: {
    readonly work: string;
    /** Buildroot's output folder. */
    readonly output: string;
    readonly release: string;
    /** What `make show-info` printed. */
    readonly info: string;
  },
): Promise<ResultFolders> {
  const { project, board, engine, catalog } = request;
  const { output, release, info } = made;
  const name = imageName(request);
  const images = join(output, "images");
  const image = join(images, "sdcard.img");
  const described = await describeBuildrootImage({
    ...{ output, info, name, image, release },
    root: join(images, catalog.init.buildroot.filesystems[project.image.filesystem]?.image ?? ""),
    project: project.name,
    board: board.name,
    engine: { name: engine.recipe.name, version: engine.recipe.version },
  });
  const folders = { disk: join(made.work, "disk"), report: join(made.work, "report") };
  for (const folder of Object.values(folders)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await copyFile(image, join(folders.disk, `${name}.img`));
  for (const [file, text] of Object.entries(described)) await writeFile(join(folders.report, file), text);
  return folders;
}

/** The steps that make of those folders what the other builder ends with. Pure. */
export function planResults(request: ImageRequest, lock: Lock, folders: ResultFolders): Plan {
  const context = planContext(request, lock);
  const { plan } = context;
  const local = (id: string, title: string, path: string) =>
    plan.add({ id, kind: "local", title, why: "Buildroot made it", inputs: {}, params: { path, exclude: [] } });
  const tools = toolsRoot(context, "image");
  const disk = local("buildroot/disk", "Read the image that Buildroot made", folders.disk);
  const targets = {
    disk,
    bmap: bmapStep(context, disk),
    ...(request.project.image.compress
      ? { zst: compressStep(context, { tools, disk, name: imageName(request) }) }
      : {}),
    report: local("buildroot/report", "Read the manifest", folders.report),
    qemu: toolsRoot(context, "qemu"),
  };
  return { format: 1, steps: [...plan.steps.values()], targets };
}
