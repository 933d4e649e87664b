import { open, rename, stat } from "node:fs/promises";
import { readPartitions } from "../formats/partitions.js";
import { readAt } from "../ground/read-at.js";
import { cardSize } from "./machine.js";

const chunk = 2 ** 20;

/**
 * Writes an image to a file that stands for a card: sparse, larger than the image, a power of two in size. The image is only read.
 * Half a card is never left under the name `card`.
 */
export async function makeCard(image: string, card: string): Promise<void> {
  const { size } = await stat(image);
  const half = `${card}.new`;
  const source = await open(image, "r");
  const target = await open(half, "w");
  try {
    // genimage ends an image with its last content: an empty last partition is none of it, but must be on the card.
    const table = await readPartitions((at, length) => readAt(source, at, length), { size, copy: "skip" });
    const ends = (table?.partitions ?? []).map((partition) => partition.offset + partition.size);
    await target.truncate(cardSize(Math.max(size, ...ends)));
    const buffer = Buffer.allocUnsafe(chunk);
    const zeros = Buffer.alloc(chunk);
    for (let offset = 0; offset < size; ) {
      const { bytesRead } = await source.read(buffer, 0, chunk, offset);
      if (bytesRead === 0) break;
      const part = buffer.subarray(0, bytesRead);
      if (!part.equals(zeros.subarray(0, bytesRead))) await writeAll(target, part, offset);
      offset += bytesRead;
    }
  } finally {
    await source.close();
    await target.close();
  }
  await rename(half, card);
}

async function writeAll(target: Awaited<ReturnType<typeof open>>, part: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < part.length; ) {
    const { bytesWritten } = await target.write(part, done, part.length - done, offset + done);
    done += bytesWritten;
  }
}
