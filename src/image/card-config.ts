import type { ImageDescription } from "./describe.js";
import type { RenderTemplate } from "./render.js";

/** Where a builder finds what the card is made of. */
export interface CardPlaces {
  /** First lines of the configuration: comments. */
  readonly head: string;
  /** Files of the boot partition, when it is made here: name there -> where the file is. */
  readonly files: readonly { readonly name: string; readonly image: string }[];
  /** The card, when it is made here. */
  readonly card?: {
    /** Its file is NAME.img. */
    readonly name: string;
    readonly boot: string;
    readonly root: string;
    /** A file as large as the data partition; absent: the image ends before it. */
    readonly data?: string;
    /** By the blob's name. */
    readonly raw: Readonly<Record<string, string>>;
  };
}

/** The layout of a card as the tool of all builders reads it. */
export function cardConfig(
  { identity, layout }: Pick<ImageDescription, "identity" | "layout">,
  { head, files, card }: CardPlaces,
  render: RenderTemplate,
): string {
  return render("image/card.cfg.hbs", {
    head,
    files,
    card: card === undefined ? undefined : { ...card, data: card.data ?? "" },
    signature: identity.signature,
    table: layout.table,
    gpt: layout.table === "gpt" ? identity.uuids : undefined,
    bootName: layout.boot.name,
    start: layout.boot.start,
    bootSize: layout.boot.size,
    dataSize: layout.data.size,
    raw: layout.raw.map(({ name, offset }) => ({ name, offset, image: card?.raw[name] ?? "" })),
  });
}
