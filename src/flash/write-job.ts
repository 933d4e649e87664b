import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { BlockMap } from "../formats/bmap.js";
import type { PartitionTable } from "../formats/partitions.js";
import type { Emit } from "../ground/events.js";
import type { ImageReader } from "./reader.js";
import type { Target } from "./target.js";

export interface WriteJob {
  /** Opens the image; a second time only to find out who is to blame for a wrong hash. */
  readonly openReader: () => Promise<ImageReader>;
  readonly map: BlockMap;
  /** The image's. */
  readonly table: PartitionTable;
  readonly target: Target;
  /** What messages call the target. */
  readonly name: string;
  /** Changes the written image on the target before it becomes valid: the settings file. */
  readonly customise:
    | ((target: Target, image: { table: PartitionTable; scratch: Uint8Array }) => Promise<void>)
    | undefined;
  /** Called immediately before the first write: throws when the target is not the one that was chosen. */
  readonly check: () => Promise<void>;
  readonly emit: Emit;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What failed on the target becomes ERR_EDGEIMG_FLASH_IO. */
export async function io<T>({ name }: WriteJob, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof EdgeimgError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_IO", `${name} failed: ${what}: ${reason}`, {
      cause,
      hint: "Try again with another reader or another card. This one has no partition table now and starts nothing.",
    });
  }
}
