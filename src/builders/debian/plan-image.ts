import type { Board } from "../../catalog/board-schema.js";
import type { Catalog } from "../../catalog/catalog.js";
import type { RuntimeRecipe } from "../../catalog/runtime-schema.js";
import type { Lock } from "../../lock/lock-file.js";
import type { PackageSetRequest } from "../../lock/resolve.js";
import { type Plan, planBuilder } from "../../plan/step.js";
import type { AssembleEntry } from "../../steps/assemble.js";
import { sha256Text } from "../../store/canonical.js";
import { appSteps } from "./app.js";
import { engineSteps, sourceSteps } from "./engine.js";
import { compressStep, diskStep, filesystemStep, imagerStep, kernelStep } from "./image.js";
import { type ModelSteps, modelSteps } from "./models.js";
import { networkOf } from "./network.js";
import { packageSets } from "./package-sets.js";
import { reportStep } from "./report.js";
import { checkBoard, checkSupport, type ImageRequest } from "./request.js";
import { bootStep, kernelGlobs, moduleSuffix, rootfsStep } from "./rootfs.js";
import { archOf, type DebianContext, targetRoot, toolsRoot } from "./roots.js";
import { localRecipe, runtimeStep } from "./runtime.js";
import { uuidOf } from "./uuid.js";

/** Documentation that no root needs; copyright files stay for the manifest. */
const documentation = [
  "usr/share/{man,locale,info,lintian,bug,doc-base}/**",
  "usr/share/doc/*/{changelog,NEWS,README}**",
  "usr/share/doc/**/examples/**",
];

/** The graph of steps from a project to its image: pure, the same data for the same request and lock. */
export function planImage(request: ImageRequest, lock: Lock): Plan {
  checkBoard(request);
  const { targets, ...plan } = planParts(request, lock);
  const { parts, ...others } = targets;
  return { ...plan, steps: plan.steps.filter(({ id }) => id !== parts), targets: others };
}

/**
 * The same graph with one more target for another builder: `parts`, a folder with `app/` (main.js, its map, assets) and `models/`.
 * Pure.
 */
export function planParts(request: ImageRequest, lock: Lock): Plan {
  checkSupport(request);
  const { project, board, engine, catalog, render } = request;
  const { distribution, init } = catalog;
  const plan = planBuilder();
  const context: DebianContext = { distribution, lock, plan, hostArch: request.host.arch, arch: board.arch };
  const sets = packageSets(request);
  const name = `${project.name}-${board.name}-${engine.recipe.name}`;
  const signature = Number.parseInt(sha256Text(`signature ${name}`).slice(0, 8), 16);

  const imageTools = toolsRoot(context, "image");
  const qemu = toolsRoot(context, "qemu");
  const root = (set: PackageSetRequest | undefined, title: string, why: string, only?: readonly string[]) =>
    set === undefined
      ? undefined
      : targetRoot(context, {
          set: set.name,
          title,
          why,
          exclude: documentation,
          ...(only === undefined ? {} : { only }),
        });
  const sysroot = must(
    root(sets.sysroot, "Unpack the sysroot", "headers and libraries that the board's programs are compiled against"),
  );
  const packages = must(root(sets.rootfs, "Unpack the target's packages", "the root file system is taken from them"));
  const kernel = must(
    root(
      sets.kernel,
      "Unpack the kernel",
      "image, drivers and device trees",
      kernelGlobs(context, sameArch(catalog, board), init),
    ),
  );
  const firmware = root(sets.firmware, "Unpack the firmware", "the board's firmware starts the kernel");
  const extra = root(sets.extra, "Unpack further packages", "the project names them");
  const headers = root(sets.headers, "Unpack the engine's headers", "the adapter is compiled against them");

  const tools = { toolchain: toolsRoot(context, "toolchain"), sysroot };
  const recipes = `${catalog.home}/recipes`;
  const runtimeFolder = `${recipes}/runtime`;
  const runtime = runtimeStep(context, { recipe: catalog.runtime, recipes, board, tools });
  const kernels = project.kernels
    ? runtimeStep(context, { recipe: catalog.kernels, recipes, board, tools })
    : undefined;
  const { engine: engineStep, adapter } = engineSteps(context, {
    engine,
    board,
    tools,
    headers,
    runtime: runtimeFolder,
  });

  const { reference: onnxruntime } = catalog;
  const reference = sourceSteps(context, {
    name: "reference",
    source: onnxruntime.source,
    why: "models are compared with what onnxruntime gives on the host",
    only: [onnxruntime.hosts[request.host.node] ?? ""],
  });
  const models = Object.entries(project.models).map(([model, config]): [string, ModelSteps] => [
    model,
    modelSteps(context, {
      name: model,
      config,
      engine,
      board,
      reference,
      hostTools: imageTools,
      localPath: request.localPath,
      check: { qemu, sysroot, runtime, adapter, engine: engineStep },
    }),
  ]);
  const app = appSteps(context, {
    project,
    board,
    localPath: request.localPath,
    exclude: request.exclude,
    dependencies: request.dependencies,
    versions: request.versions,
    runtimeRecipe: localRecipe(context, "runtime", runtimeFolder),
    runtime,
    qemu,
    sysroot,
  });

  const fromModels = models.flatMap(([model, steps]): AssembleEntry[] => [
    { type: "tree", path: `models/${model}`, from: { input: `model/${model}`, path: "" } },
    ...steps.entries,
  ]);

  const { filesystem } = project.image;
  const sources = { packages, kernel, firmware, init: localRecipe(context, "init", `${catalog.home}/recipes/init`) };
  const rootfs = rootfsStep(context, {
    board,
    init,
    sources,
    rootfs: {
      filesystem,
      moduleSuffix: moduleSuffix(context),
      overlay: catalog.overlay,
      timezone: project.system.timezone,
      ssh: project.system.ssh.server,
      authorizedKeys: project.system.ssh.authorizedKeys,
      context: {
        hostname: project.system.hostname ?? project.name,
        epoch: Math.floor(Date.parse(lock.distribution.date) / 1000),
        debug: project.system.debug,
        network: networkOf(project),
        env: project.app.env,
        image: { name, version: request.versions.edgeimg },
        like: distribution.purlNamespace,
        release: distribution.suites[0] ?? "",
      },
      render: (template, data) => render(`rootfs/${template}`, data),
    },
    inputs: {
      runtime,
      adapter,
      ...(kernels === undefined ? {} : { kernels }),
      ...app.inputs,
      ...(engineStep === undefined ? {} : { engine: engineStep }),
      ...(extra === undefined ? {} : { extra }),
      ...Object.fromEntries(models.map(([model, steps]) => [`model/${model}`, steps.folder])),
      ...Object.assign({}, ...models.map(([, steps]) => steps.inputs)),
    },
    entries: [
      ...programEntries(catalog.runtime),
      ...(kernels === undefined ? [] : programEntries(catalog.kernels)),
      {
        type: "file",
        path: "usr/lib/edgeimg/libedge_nn.so",
        mode: 0o755,
        from: { input: "adapter", path: "libedge_nn.so" },
      },
      ...engine.recipe.libraries.map(
        (library): AssembleEntry => ({
          type: "file",
          path: `usr/lib/edgeimg/${library}`,
          mode: 0o755,
          from: { input: "engine", path: `usr/lib/${library}` },
        }),
      ),
      ...app.entries,
      ...fromModels,
      ...(extra === undefined
        ? []
        : [
            {
              type: "tree" as const,
              path: "",
              from: { input: "extra", path: "root" },
              exclude: ["{bin,sbin,lib,lib64}", "usr/lib64", "usr/share/doc/**"],
            },
          ]),
    ],
    libraries: [
      ...(engineStep === undefined ? [] : [{ input: "engine", path: "usr/lib", target: "usr/lib/edgeimg" }]),
      ...(extra === undefined
        ? []
        : [
            {
              input: "extra",
              path: `root/usr/lib/${archOf(distribution, board.arch).triplet}`,
              target: `usr/lib/${archOf(distribution, board.arch).triplet}`,
            },
          ]),
    ],
  });
  const rootImage = filesystemStep(context, {
    tools: imageTools,
    tar: rootfs,
    filesystem,
    uuid: uuidOf(`root ${name}`),
  });
  const boot = bootStep(context, {
    board,
    init,
    sources,
    tools: imageTools,
    kernelImage: kernelStep(context, { tools: imageTools, kernel, gzip: board.boot.kernel.gzip }),
    filesystem,
    signature,
    debug: project.system.debug,
    render,
  });
  const disk = diskStep(context, {
    board,
    name,
    tools: imageTools,
    root: rootImage,
    boot: boot.step,
    bootNames: boot.names,
    bootSize: project.image.bootSize ?? board.boot.size,
    dataSize: project.image.dataSize,
    signature,
    render,
  });
  const bmap = plan.add({
    id: "image/bmap",
    kind: "bmap",
    title: "Map the image's blocks",
    why: "a flasher that knows the map writes less and checks what it wrote",
    inputs: { disk },
    params: {},
  });
  const zst = project.image.compress ? compressStep(context, { tools: imageTools, disk, name }) : undefined;
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
  const report = reportStep(context, {
    name,
    request,
    inputs: {
      rootfs,
      sysroot,
      initramfs: boot.initramfs,
      boot: boot.step,
      rootImage,
      disk,
      packages,
      kernel,
      ...(firmware === undefined ? {} : { firmware }),
      ...(extra === undefined ? {} : { extra }),
    },
    sets,
  });
  const { bytecode: _, ...appInputs } = app.inputs;
  const parts = plan.add({
    id: "parts",
    kind: "assemble",
    title: "Collect app and models",
    why: "another builder puts them into its image",
    inputs: {
      ...appInputs,
      ...Object.fromEntries(models.map(([model, steps]) => [`model/${model}`, steps.folder])),
      ...Object.assign({}, ...models.map(([, steps]) => steps.inputs)),
    },
    params: {
      format: "folder",
      entries: [
        { type: "file", path: "app/main.js", mode: 0o644, from: { input: "bundle", path: "main.js" } },
        ...app.portable,
        ...fromModels,
      ],
    },
  });
  return {
    format: 1,
    steps: [...plan.steps.values()],
    first: [...[...plan.steps.values()].flatMap(({ id, kind }) => (kind === "local" ? [id] : [])), app.bundle],
    targets: {
      disk,
      bmap,
      report,
      qemu,
      ...(zst === undefined ? {} : { zst }),
      ...(imager === undefined ? {} : { imager }),
      typecheck: app.typecheck,
      parts,
      ...Object.fromEntries(models.map(([model, steps]) => [`check/${model}`, steps.check])),
    },
  };
}

/** What a recipe's programs are in the root; the input has the recipe's name. */
function programEntries({ name, programs }: RuntimeRecipe): AssembleEntry[] {
  return programs.flatMap(({ output, install }): AssembleEntry[] =>
    install === null
      ? []
      : [{ type: "file", path: install.replace(/^\//, ""), mode: 0o755, from: { input: name, path: output } }],
  );
}

/** Boards with an image whose kernel files are unpacked together, so that several boards share one step. */
function sameArch(catalog: Catalog, board: Board): Board[] {
  const others = [...catalog.boards.values()].filter(
    ({ arch, name, debian }) => arch === board.arch && name !== board.name && debian === undefined,
  );
  return [...others, board].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** YYYY-MM-DD of a date as Release files have it. */
function dayOf(date: string): string {
  const time = Date.parse(date);
  return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10);
}

function must(step: string | undefined): string {
  if (step === undefined) throw new Error("a root that every image has is missing");
  return step;
}
