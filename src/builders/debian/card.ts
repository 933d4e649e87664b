import { cardConfig } from "../../image/card-config.js";
import type { ImageDescription } from "../../image/describe.js";
import type { RenderTemplate } from "../../image/render.js";
import { imagePrograms, toolPath } from "../../parts/image-tools.js";
import type { DebianContext } from "../../parts/roots.js";

export interface CardOptions {
  readonly image: ImageDescription;
  readonly tools: string;
  readonly render: RenderTemplate;
}

/** The boot partition, `out/boot.vfat`, of the files in `data/` of a step: a step of its own, since the app is no part of it. */
export function bootPartitionStep(context: DebianContext, options: CardOptions & { readonly files: string }): string {
  const { image, tools, render } = options;
  const places = {
    head: "# The boot partition, which the board's loader reads.",
    files: image.boot.map(({ name }) => ({ name, image: `in/files/data/${name}` })),
  };
  const config = cardConfig(image, places, render);
  return layoutStep(context, {
    id: "image/boot",
    title: "Write the boot partition",
    why: "the board's firmware reads it",
    tools,
    config,
    inputs: { files: options.files },
    output: "boot.vfat",
  });
}

export interface DiskStepOptions extends CardOptions {
  /** The image's file is NAME.img. */
  readonly name: string;
  readonly root: string;
  readonly boot: string;
  /** Its `data/` has what lies outside of the partitions, by name; undefined for a board that has nothing there. */
  readonly raw: string | undefined;
}

/** The whole card: `out/NAME.img`. */
export function diskStep(context: DebianContext, options: DiskStepOptions): string {
  const { image, name, tools, render } = options;
  const raw = image.layout.raw.map(({ name }) => [name, `in/raw/data/${name}`]);
  const places = {
    head: "# The card: the boot partition, the read-only root, and data, which fills the card at first boot.",
    files: [],
    card: {
      name,
      boot: "in/boot/boot.vfat",
      root: "in/root/root.img",
      data: "tmp/data.img",
      raw: Object.fromEntries(raw),
    },
  };
  const config = cardConfig(image, places, render);
  return layoutStep(context, {
    id: "image/disk",
    title: "Write the SD-card image",
    why: "it is what is flashed",
    tools,
    config,
    inputs: { boot: options.boot, root: options.root, ...(options.raw === undefined ? {} : { raw: options.raw }) },
    before: [[imagePrograms(context).setSize, "-s", String(image.layout.data.size), "tmp/data.img"]],
    output: `${name}.img`,
  });
}

/** Lays partitions out as a rendered configuration says; its one result is moved to `out/`. */
function layoutStep(
  context: DebianContext,
  job: {
    readonly id: string;
    readonly title: string;
    readonly why: string;
    readonly tools: string;
    readonly config: string;
    readonly inputs: Readonly<Record<string, string>>;
    readonly before?: readonly string[][];
    readonly output: string;
  },
): string {
  const { plan } = context;
  const programs = imagePrograms(context);
  const layout = plan.add({
    id: `${job.id}-layout`,
    kind: "compose",
    title: `${job.title}: render its layout`,
    why: "the partitions are laid out as it says",
    inputs: {},
    params: { parts: [], files: { "genimage.cfg": job.config } },
  });
  return plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: { tools: job.tools, layout, ...job.inputs },
    params: {
      path: toolPath,
      commands: [
        [programs.makeFolder, "-p", "tmp/empty", "tmp/genimage", "tmp/out"],
        ...(job.before ?? []),
        [
          programs.layout,
          ...["--config", "in/layout/genimage.cfg", "--rootpath", "tmp/empty", "--tmppath", "tmp/genimage"],
          ...["--inputpath", ".", "--outputpath", "tmp/out"],
        ],
        [programs.move, `tmp/out/${job.output}`, `out/${job.output}`],
      ],
      failure: {
        code: "ERR_EDGEIMG_STEP_FAILED",
        hint: "If the boot partition is full, raise `image.bootSize` in edgeimg.yaml.",
      },
    },
  });
}
