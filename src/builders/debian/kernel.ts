import { imagePrograms, toolPath } from "../../parts/image-tools.js";
import { type DebianContext, toolsRoot } from "../../parts/roots.js";

/** What is unpacked of a kernel's packages: the same for every board, so that it is unpacked once. */
export function kernelGlobs({ distribution: { kernel } }: Pick<DebianContext, "distribution">): string[] {
  return [
    kernel.image,
    `${kernel.modules}/*/{kernel/**,modules.builtin,modules.builtin.modinfo,modules.order}`,
    kernel.dtb.replace("{name}", "**"),
    "usr/share/doc/*/copyright",
  ];
}

/** The list of a kernel's modules, with what each needs. */
export function modulesStep(context: DebianContext, kernel: string): string {
  const { tools, kernel: kernelOf } = context.distribution;
  return context.plan.add({
    id: "kernel/modules",
    kind: "kernel-modules",
    title: "List the kernel's modules",
    why: "a driver is loaded after the modules that it needs",
    inputs: { kernel, tools: toolsRoot(context, "modules") },
    materials: [{ input: "kernel" }],
    params: { program: `in/tools/root/${tools.modules.programs.index}`, root: "root", folder: kernelOf.modules },
  });
}

/** The kernel image as its package has it, in `data/kernel`. */
export function rawKernelStep({ plan, distribution }: DebianContext, { kernel }: { readonly kernel: string }): string {
  const glob = distribution.kernel.image;
  return plan.add({
    id: "kernel/image",
    kind: "assemble",
    title: "Take the kernel",
    why: "the board's firmware starts it",
    inputs: { kernel },
    params: {
      format: "folder",
      entries: [{ type: "file", path: "kernel", mode: 0o644, from: { input: "kernel", path: `root/${glob}` } }],
    },
  });
}

/** The kernel image, gzipped where the board's firmware unpacks it. */
export function kernelStep(context: DebianContext, options: { tools: string; kernel: string; gzip: boolean }): string {
  const raw = rawKernelStep(context, options);
  return gzipStep(context, {
    id: "kernel/gzip",
    title: "Compress the kernel",
    why: "the card's slow; firmware unpacks gzip",
    tools: options.tools,
    from: raw,
    path: "data/kernel",
    gzip: options.gzip,
  });
}

/** gzip -9n of one file of an input to `out/data`, or a copy. */
export function gzipStep(
  context: DebianContext,
  job: { id: string; title: string; why: string; tools: string; from: string; path: string; gzip: boolean },
): string {
  const { gzip, print } = imagePrograms(context);
  return context.plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: { tools: job.tools, from: job.from },
    materials: [{ input: "from" }],
    params: {
      path: toolPath,
      stdin: `in/from/${job.path}`,
      stdout: "out/data",
      commands: [job.gzip ? [gzip, "-9", "-n", "-c"] : [print]],
    },
  });
}
