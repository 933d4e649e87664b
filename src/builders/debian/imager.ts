import type { Board } from "../../catalog/board.js";
import type { RenderTemplate } from "../../image/render.js";
import type { DebianContext } from "../../parts/roots.js";

export interface ImagerOptions {
  readonly board: Board;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly disk: string;
  /** The step of the compressed image, or that of the image. */
  readonly packed: string;
  /** Day of the package archive, YYYY-MM-DD. */
  readonly date: string;
  readonly url: string | undefined;
  readonly render: RenderTemplate;
}

/** NAME.rpi-imager-manifest; undefined for boards that Raspberry Pi Imager does not know. */
export function imagerStep({ plan }: DebianContext, options: ImagerOptions): string | undefined {
  const { board, name, title, description, date, url } = options;
  if (board.imagerTags.length === 0) return undefined;
  return plan.add({
    id: "image/imager",
    kind: "imager",
    title: "Write the manifest for Raspberry Pi Imager",
    why: "Imager lists and checks the image by it",
    inputs: { disk: options.disk, packed: options.packed },
    params: {
      ...{ name, title, description, date, board: board.title, tags: board.imagerTags, url: url ?? null },
      icon: options.render("imager/icon.svg.hbs", {}),
    },
  });
}
