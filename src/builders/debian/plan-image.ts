import { describeImage, type ImageDescription } from "../../image/describe.js";
import { checkBoard, checkSupport, type ImageRequest, imageName } from "../../image/request.js";
import { epochOf, type Lock } from "../../lock/lock-file.js";
import { bmapStep, compressStep } from "../../parts/disk-files.js";
import { type ImageParts, imageParts } from "../../parts/image-parts.js";
import { packageSets } from "../../parts/package-sets.js";
import { type DebianContext, neededRoot, optionalRoot, planContext, toolsRoot } from "../../parts/roots.js";
import { localRecipe } from "../../parts/runtime.js";
import { wifiSteps } from "../../parts/wifi.js";
import type { Plan } from "../../plan/step.js";
import { bootPartitionStep, diskStep } from "./card.js";
import { filesystemStep, takesAppLater } from "./filesystem.js";
import { imageRootfs } from "./image-rootfs.js";
import { imagerStep } from "./imager.js";
import { instructionsSteps } from "./instructions.js";
import { kernelGlobs, kernelStep, modulesStep } from "./kernel.js";
import { measureSteps } from "./measure.js";
import { rawStep } from "./raw.js";
import { reportStep } from "./report.js";
import { bootStep, type ImageSources } from "./rootfs.js";

/** The graph of steps from a project to its image: pure, the same data for the same request and lock. */
export function planImage(request: ImageRequest, lock: Lock): Plan {
  const { context, parts, targets } = imageSteps(request, lock);
  return finish(context, parts, targets);
}

/** The same with the steps that measure each model: for the model NAME the targets `compared/NAME`, `cases/NAME` and so on (measure.ts). */
export function planBench(request: ImageRequest, lock: Lock): Plan {
  const { context, parts, targets, sources } = imageSteps(request, lock);
  return finish(context, parts, { ...targets, ...measureSteps(context, request, { parts, sources }) });
}

function imageSteps(request: ImageRequest, lock: Lock) {
  checkBoard(request);
  checkSupport(request);
  const context = planContext(request, lock);
  const image = describeDebian(request, lock);
  const sets = packageSets(request);
  const parts = imageParts(context, request, sets);
  const { sources, extra } = packageRoots(context, request, sets);
  const tools = { toolchain: toolsRoot(context, "toolchain"), sysroot: parts.sysroot };
  const wifi = wifiSteps(context, request, { sets, tools });
  const card = cardSteps(context, request, { image, parts, sources, extra, wifi });
  const { disk } = card;
  const bmap = bmapStep(context, disk);
  const handout = handoutSteps(context, request, { tools: parts.tools.image, disk });
  const report = reportStep(context, {
    name: imageName(request),
    request,
    inputs: { rootImage: card.rootImage, disk },
    parts: card.assembled,
    sets,
    operators: parts.operators,
    quantized: parts.models.quantized,
  });
  const instructions = instructionsSteps(context, request, card.assembled.root);
  return { context, parts, sources, targets: { disk, bmap, report, ...instructions, ...handout } };
}

/** An image of the distribution's packages: each has an identity of its own. */
function describeDebian(request: ImageRequest, lock: Lock): ImageDescription {
  const { distribution } = request.catalog;
  const name = imageName(request);
  return describeImage({
    ...request,
    seed: name,
    release: {
      name,
      version: request.versions.edgeimg,
      like: distribution.purlNamespace,
      codename: distribution.suites[0] ?? "",
      epoch: epochOf(lock),
    },
  });
}

/** Unpacks the packages that an image's files are taken from. */
function packageRoots(
  context: DebianContext,
  { catalog }: ImageRequest,
  sets: ReturnType<typeof packageSets>,
): { readonly sources: ImageSources; readonly extra: string | undefined } {
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
  const modules = modulesStep(context, kernel);
  const init = localRecipe(context, "init", `${catalog.home}/recipes/init`);
  return { sources: { packages, kernel, modules, firmware, init }, extra };
}

/** The card: root file system, boot partition, and the disk of both; `assembled` are the steps that collect their files. */
function cardSteps(
  context: DebianContext,
  request: ImageRequest,
  from: {
    readonly image: ImageDescription;
    readonly parts: ImageParts;
    readonly sources: ImageSources;
    readonly extra: string | undefined;
    readonly wifi: Readonly<Record<string, string>>;
  },
) {
  const { board, render } = request;
  const { image, sources } = from;
  const tools = from.parts.tools.image;
  const { filesystem } = image.layout.root;
  const appLater = takesAppLater(context, filesystem);
  const { base, app } = imageRootfs(context, request, { ...from, appLater });
  const uuid = image.identity.uuids.root;
  const rootImage = filesystemStep(context, { tools, tar: base, app, filesystem, uuid });
  const kernelImage = kernelStep(context, { tools, kernel: sources.kernel, gzip: board.boot.kernel.gzip });
  const boot = bootStep(context, { image, sources, tools, kernelImage });
  const bootPartition = bootPartitionStep(context, { image, tools, render, files: boot.step });
  const name = imageName(request);
  const raw = rawStep(context, { board, firmware: sources.firmware });
  const disk = diskStep(context, { image, tools, render, name, root: rootImage, boot: bootPartition, raw });
  const root = [base, ...(app === undefined ? [] : [app])];
  const loader = raw === undefined ? {} : { loader: [raw] };
  return { rootImage, disk, assembled: { ...loader, boot: [boot.step], initramfs: [boot.initramfs], root } };
}

/** What is made of a card's image to hand it out: compressed, and with the manifest for Raspberry Pi Imager, where they are wanted. */
function handoutSteps(
  context: DebianContext,
  request: ImageRequest,
  { tools, disk }: { readonly tools: string; readonly disk: string },
): Readonly<Record<string, string>> {
  const { project, board, engine, render } = request;
  const name = imageName(request);
  const zst = project.image.compress ? compressStep(context, { tools, disk, name }) : undefined;
  const imager = imagerStep(context, {
    board,
    name,
    title: `${project.name} with ${engine.recipe.title}`,
    description: `Made by edgeimg for ${board.title}`,
    disk,
    packed: zst ?? disk,
    date: dayOf(context.lock.distribution.date),
    url: project.image.url,
    render,
  });
  return { ...(zst === undefined ? {} : { zst }), ...(imager === undefined ? {} : { imager }) };
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
  return finish(context, made, { parts, ...(made.operators === undefined ? {} : { operators: made.operators }) });
}

/** The plan with its targets and those that every graph has: checks of the app and of models, QEMU. */
function finish({ plan }: DebianContext, parts: ImageParts, targets: Readonly<Record<string, string>>): Plan {
  const { app, models, tools } = parts;
  const checks = Object.entries(models.checks).map(([model, step]) => [`check/${model}`, step]);
  const losses = Object.entries(models.losses).map(([model, step]) => [`loss/${model}`, step]);
  const accuracies = Object.entries(models.accuracies).map(([model, step]) => [`accuracy/${model}`, step]);
  const quantized = Object.entries(models.quantized).map(([model, step]) => [`quantized/${model}`, step]);
  const steps = [...plan.steps.values()];
  return {
    format: 1,
    steps,
    first: [...steps.flatMap(({ id, kind }) => (kind === "local" ? [id] : [])), app.bundle],
    targets: {
      ...targets,
      ...Object.fromEntries(quantized),
      qemu: tools.qemu,
      "model-types": app.modelTypes,
      typecheck: app.typecheck,
      ...(parts.licence === undefined ? {} : { licence: parts.licence }),
      ...Object.fromEntries([...checks, ...losses, ...accuracies]),
    },
  };
}

/** YYYY-MM-DD of a date as Release files have it. */
function dayOf(date: string): string {
  const time = Date.parse(date);
  return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10);
}
