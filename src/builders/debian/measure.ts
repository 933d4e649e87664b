import { architectures } from "../../catalog/architecture.js";
import type { ImageRequest } from "../../image/request.js";
import type { ImageParts } from "../../parts/image-parts.js";
import type { DebianContext } from "../../parts/roots.js";
import { engineEntries, libraryFolders, openedLibraries } from "./image-rootfs.js";
import { rawKernelStep } from "./kernel.js";
import { closureOf, type ImageSources } from "./rootfs.js";

/** What the steps that measure a model are called among a plan's targets, behind each a slash and the model's name. */
export const measureTargets = {
  /** Runs of the model by the reference: what all engines are given, and what should come of it. */
  cases: "bench-cases",
  /** Golden outputs of the project, where it has some. */
  golden: "bench-golden",
  /** What the engine gives. */
  actual: "bench-run",
  /** Whether that is near enough. */
  compared: "bench-check",
  /** What a run takes. */
  measured: "bench-measure",
  /** The files that a run needs on a board. */
  files: "bench-files",
  ports: "bench-ports",
} as const;

const why = "what a model takes is compared between engines";

/**
 * Adds the steps that measure what each model takes in this image's engine: the same libraries and files as in the image, on an emulated machine with
 * the board's core and the image's kernel.
 */
export function measureSteps(
  context: DebianContext,
  request: ImageRequest,
  from: { readonly parts: ImageParts; readonly sources: ImageSources },
): Readonly<Record<string, string>> {
  const { plan, arch } = context;
  const { board, engine } = request;
  const { parts, sources } = from;
  const kernel = rawKernelStep(context, sources);
  const targets = parts.models.measured.map(({ name, folder, common }) => {
    const { ports, cases, actual, check, golden } = common();
    const root = (format: "cpio" | "tar") => rootStep(context, request, { ...from, name, folder, format });
    const measured = plan.add({
      id: `bench-measure/${name}`,
      kind: "measure-model",
      title: `Measure model ${name} on an emulated ${board.cpu}`,
      why,
      inputs: { root: root("cpio"), cases, ports, kernel, qemu: parts.tools.qemu },
      params: { name, engine: engine.recipe.name, qemu: architectures[arch].qemu, cpu: board.cpu },
    });
    const { cases: casesName, compared, ports: portsName, files, ...names } = measureTargets;
    const steps = [
      [casesName, cases],
      [names.actual, actual],
      [compared, check],
      [names.measured, measured],
      [portsName, ports],
      [files, root("tar")],
      ...(golden === undefined ? [] : [[names.golden, golden] as const]),
    ] as const;
    return steps.map(([target, step]) => [`${target}/${name}`, step] as const);
  });
  return Object.fromEntries(targets.flat());
}

/** What one model runs with: the program, the engine as the image has it, the model, and the libraries that they need. */
function rootStep(
  context: DebianContext,
  { engine }: Pick<ImageRequest, "engine">,
  from: {
    readonly parts: ImageParts;
    readonly sources: ImageSources;
    readonly name: string;
    readonly folder: string;
    readonly format: "cpio" | "tar";
  },
): string {
  const { parts, name, format } = from;
  return context.plan.add({
    id: `bench-${format === "cpio" ? "root" : "files"}/${name}`,
    kind: "assemble",
    title: `Collect what model ${name} runs with${format === "cpio" ? "" : " on a board"}`,
    why,
    inputs: {
      packages: from.sources.packages,
      runner: parts.runner.step,
      adapter: parts.adapter,
      ...(parts.engine === undefined ? {} : { engine: parts.engine }),
      model: from.folder,
    },
    params: {
      format,
      entries: [
        ...["bench", "dev", "proc", "sys", "tmp"].map((path) => ({ type: "directory", path, mode: 0o755 })),
        // Where programs name their loader.
        { type: "symlink", path: "lib", target: "usr/lib" },
        { type: "file", path: "init", mode: 0o755, from: { input: "runner", path: parts.runner.file } },
        ...engineEntries(context, engine.recipe, parts),
        { type: "tree", path: `models/${name}`, from: { input: "model", path: "" } },
      ],
      closure: {
        ...closureOf(context, { libraries: libraryFolders(context, { parts, extra: undefined, wifi: {} }) }),
        wanted: openedLibraries(engine.recipe, parts),
      },
    },
  });
}
