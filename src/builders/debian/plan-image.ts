import { sha256Text } from "../../ground/canonical.js";
import { checkBoard, checkSupport, type ImageRequest, imageName } from "../../image/request.js";
import { uuidOf } from "../../image/uuid.js";
import type { Lock } from "../../lock/lock-file.js";
import { bmapStep, compressStep } from "../../parts/disk-files.js";
import { type ImageParts, imageParts, neededRoot, optionalRoot } from "../../parts/image-parts.js";
import { packageSets } from "../../parts/package-sets.js";
import { type DebianContext, planContext } from "../../parts/roots.js";
import { localRecipe } from "../../parts/runtime.js";
import type { Plan } from "../../plan/step.js";
import { bootPartitionStep, diskStep, filesystemStep, imagerStep, kernelStep, takesAppLater } from "./image.js";
import { imageRootfs } from "./image-rootfs.js";
import { instructionsSteps } from "./instructions.js";
import { reportStep } from "./report.js";
import { bootStep, kernelGlobs, modulesStep } from "./rootfs.js";

/** The graph of steps from a project to its image: pure, the same data for the same request and lock. */
export function planImage(request: ImageRequest, lock: Lock): Plan {
  checkBoard(request);
  checkSupport(request);
  const { project, board, engine, catalog, render } = request;
  const { init } = catalog;
  const context = planContext(request, lock);
  const { plan } = context;
  const sets = packageSets(request);
  const name = imageName(request);
  const signature = Number.parseInt(sha256Text(`signature ${name}`).slice(0, 8), 16);

  const parts = imageParts(context, request, sets);
  const { tools } = parts;
  const packages = neededRoot(context, sets.rootfs, {
    title: "Unpack the target's packages",
    why: "the root file system is taken from them",
  });
  const kernel = neededRoot(context, sets.kernel, {
    title: "Unpack the kernel",
    why: "image, drivers and device trees",
    only: kernelGlobs(context),
  });
  const firmware = optionalRoot(context, sets.firmware, {
    title: "Unpack the firmware",
    why: "the board's firmware starts the kernel",
  });
  const extra = optionalRoot(context, sets.extra, {
    title: "Unpack further packages",
    why: "the project names them",
  });
  const sources = {
    packages,
    kernel,
    modules: modulesStep(context, kernel),
    firmware,
    init: localRecipe(context, "init", `${catalog.home}/recipes/init`),
  };
  const { filesystem } = project.image;
  const appLater = takesAppLater(context, filesystem);
  const rootfs = imageRootfs(context, request, { name, parts, sources, extra, appLater });
  const rootImage = filesystemStep(context, {
    tools: tools.image,
    tar: rootfs.base,
    app: rootfs.app,
    filesystem,
    uuid: uuidOf(`root ${name}`),
  });
  const boot = bootStep(context, {
    board,
    init,
    sources,
    tools: tools.image,
    kernelImage: kernelStep(context, { tools: tools.image, kernel, gzip: board.boot.kernel.gzip }),
    filesystem,
    signature,
    debug: project.system.debug,
    render,
  });
  const bootPartition = bootPartitionStep(context, {
    tools: tools.image,
    files: boot.step,
    names: boot.names,
    size: project.image.bootSize ?? board.boot.size,
    signature,
    render,
  });
  const disk = diskStep(context, {
    name,
    tools: tools.image,
    root: rootImage,
    boot: bootPartition,
    dataSize: project.image.dataSize,
    signature,
    render,
  });
  const bmap = bmapStep(context, disk);
  const zst = project.image.compress ? compressStep(context, { tools: tools.image, disk, name }) : undefined;
  const imager = imagerStep(context, {
    board,
    name,
    title: `${project.name} with ${engine.recipe.title}`,
    description: `Made by edgeimg for ${board.title}`,
    disk,
    packed: zst ?? disk,
    date: dayOf(lock.distribution.date),
    url: project.image.url,
    render,
  });
  const rootParts = [rootfs.base, ...(rootfs.app === undefined ? [] : [rootfs.app])];
  const report = reportStep(context, {
    name,
    request,
    inputs: {
      rootImage,
      disk,
    },
    parts: {
      boot: [boot.step],
      initramfs: [boot.initramfs],
      root: rootParts,
    },
    sets,
  });
  return finish(context, parts, {
    disk,
    bmap,
    report,
    ...instructionsSteps(context, request, rootParts),
    ...(zst === undefined ? {} : { zst }),
    ...(imager === undefined ? {} : { imager }),
  });
}

/**
 * The graph of what another builder's image holds of edgeimg. Its target `parts` is a folder with `app/` (main.js, its map, assets) and
 * `models/`. Pure.
 */
export function planParts(request: ImageRequest, lock: Lock): Plan {
  checkSupport(request);
  const context = planContext(request, lock);
  const { plan } = context;
  const made = imageParts(context, request, packageSets(request));
  const { bytecode: _, ...appInputs } = made.app.inputs;
  const parts = plan.add({
    id: "parts",
    kind: "assemble",
    title: "Collect app and models",
    why: "another builder puts them into its image",
    inputs: {
      ...appInputs,
      ...made.models.inputs,
    },
    params: {
      format: "folder",
      entries: [
        { type: "file", path: "app/main.js", mode: 0o644, from: { input: "bundle", path: "main.js" } },
        ...made.app.portable,
        ...made.models.entries,
      ],
    },
  });
  return finish(context, made, { parts });
}

/** The plan with its targets and those that every graph has: checks of the app and of models, QEMU. */
function finish({ plan }: DebianContext, parts: ImageParts, targets: Readonly<Record<string, string>>): Plan {
  const { app, models, tools } = parts;
  const checks = Object.entries(models.checks).map(([model, step]) => [`check/${model}`, step]);
  const steps = [...plan.steps.values()];
  return {
    format: 1,
    steps,
    first: [...steps.flatMap(({ id, kind }) => (kind === "local" ? [id] : [])), app.bundle],
    targets: {
      ...targets,
      qemu: tools.qemu,
      "model-types": app.modelTypes,
      typecheck: app.typecheck,
      ...(parts.licence === undefined ? {} : { licence: parts.licence }),
      ...Object.fromEntries(checks),
    },
  };
}

/** YYYY-MM-DD of a date as Release files have it. */
function dayOf(date: string): string {
  const time = Date.parse(date);
  return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10);
}
