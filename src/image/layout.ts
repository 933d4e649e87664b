import type { Board } from "../catalog/board.js";
import type { Project } from "../config/project-schema.js";

/** File systems of the root that an image may have. */
export type RootFilesystem = Project["image"]["filesystem"];

/** The partitions of every image, by number in the table. The scripts of recipes/init know the data partition by the same number. */
export const partitions = { boot: 1, root: 2, data: 3 } as const;

/** How a builder divides a card; what it leaves out is as on a card with an MBR and nothing outside of its partitions. */
export type DiskOptions = Partial<Pick<NonNullable<Board["buildroot"]>, "table" | "bootName" | "start" | "raw">>;

/** What a card holds, in bytes and in this order: what the chip reads from fixed places, boot, root, data. */
export interface Layout {
  readonly table: "mbr" | "gpt";
  /** Outside of the partitions. */
  readonly raw: readonly { readonly name: string; readonly image: string; readonly offset: number }[];
  /** `start`: undefined where the builder's tool may choose it; `name`: in a GPT. */
  readonly boot: { readonly name: string; readonly start: number | undefined; readonly size: number };
  /** As large as its content. */
  readonly root: { readonly filesystem: RootFilesystem };
  /** In the image's file; on the card it grows to its end. */
  readonly data: { readonly size: number };
}

export function layoutOf({ image }: Project, board: Board, disk: DiskOptions): Layout {
  return {
    table: disk.table ?? "mbr",
    raw: disk.raw ?? [],
    boot: { name: disk.bootName ?? "boot", start: disk.start, size: image.bootSize ?? board.boot.size },
    root: { filesystem: image.filesystem },
    data: { size: image.dataSize },
  };
}
