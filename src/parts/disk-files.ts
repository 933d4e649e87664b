import { imagePrograms, toolPath } from "./image-tools.js";
import type { DebianContext } from "./roots.js";

/** NAME.img.bmap: which blocks of the image in `disk` hold anything. */
export function bmapStep({ plan }: Pick<DebianContext, "plan">, disk: string): string {
  return plan.add({
    id: "image/bmap",
    kind: "bmap",
    title: "Map the image's blocks",
    why: "a flasher that knows the map writes less and checks what it wrote",
    inputs: { disk },
    params: {},
  });
}

/** NAME.img.zst, the file to hand out. */
export function compressStep(
  context: Pick<DebianContext, "plan" | "distribution">,
  options: { readonly tools: string; readonly disk: string; readonly name: string },
): string {
  return context.plan.add({
    id: "image/zst",
    kind: "run",
    title: "Compress the image",
    why: "the file to hand out and to keep",
    inputs: { tools: options.tools, disk: options.disk },
    params: {
      path: toolPath,
      // One worker: the number of workers must not show in the bytes.
      commands: [
        [
          imagePrograms(context).zstd,
          "-q",
          "-6",
          "-T1",
          "--no-progress",
          `in/disk/${options.name}.img`,
          "-o",
          `out/${options.name}.img.zst`,
        ],
      ],
    },
  });
}
