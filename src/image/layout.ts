import type { Board } from "../catalog/board.js";
import type { Disk, RawBlob } from "../catalog/disk.js";
import type { Project } from "../config/project-schema.js";

/** File systems of the root that an image may have. */
export type RootFilesystem = Project["image"]["filesystem"];

/** The partitions of every image, by number in the table. The scripts of recipes/init know the data partition by the same number. */
export const partitions = { boot: 1, root: 2, data: 3 } as const;

/** What a card holds, in bytes and in this order: what the chip reads from fixed places, boot, root, data. */
export interface Layout {
  readonly table: Disk["table"];
  /** Outside of the partitions. */
  readonly raw: readonly RawBlob[];
  /** `name`: in a GPT. */
  readonly boot: { readonly name: string; readonly start: number; readonly size: number };
  /** As large as its content. */
  readonly root: { readonly filesystem: RootFilesystem };
  /** In the image's file; on the card it grows to its end. */
  readonly data: { readonly size: number };
}

export function layoutOf({ image }: Project, { disk, boot }: Board): Layout {
  return {
    table: disk.table,
    raw: disk.raw,
    boot: { name: disk.bootName, start: disk.start, size: image.bootSize ?? boot.size },
    root: { filesystem: image.filesystem },
    data: { size: image.dataSize },
  };
}
