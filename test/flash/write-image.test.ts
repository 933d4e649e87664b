import t from "tap";
import { writeImage } from "../../src/flash/write-image.js";
import type { WriteJob } from "../../src/flash/write-job.js";
import { parseBmap } from "../../src/formats/bmap.js";
import { medium, mib, simulatedContext, testImage } from "./simulated.js";

/** How often the image is opened, and that each opening is closed again: behind one there may be a program that decompresses. */
const made = testImage();
const broken = Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });

function job(image: Buffer, { target, ...changes }: Partial<WriteJob> & Pick<WriteJob, "target">) {
  const seen = { opened: 0, closed: 0 };
  const { context } = simulatedContext("/nowhere");
  const whole: WriteJob = {
    openReader: async () => {
      seen.opened++;
      return {
        read: async (buffer, at) => {
          const bytes = image.subarray(at, at + buffer.length);
          buffer.set(bytes);
          return bytes.length;
        },
        close: async () => {
          seen.closed++;
        },
      };
    },
    map: parseBmap(made.bmap),
    table: made.table,
    target,
    name: "the card",
    customise: undefined,
    check: async () => {},
    emit: context.emit,
    now: context.now,
    signal: context.signal,
    ...changes,
  };
  return { seen, run: () => writeImage(whole) };
}

function changed(at: number): Buffer {
  const image = Buffer.from(made.image);
  image[at] = (image[at] ?? 0) ^ 1;
  return image;
}

t.test("an image is read once when all is well", async (t) => {
  const { seen, run } = job(made.image, { target: medium(64 * mib).target });
  await run();
  t.strictSame(seen, { opened: 1, closed: 1 });
});

for (const { what, at } of [
  { what: "its first sector", at: 100 },
  { what: "a block behind it", at: 5 * mib },
  { what: "an empty block", at: 20 * mib + 4096 },
]) {
  t.test(`a wrong hash is the image's fault when ${what} is another`, async (t) => {
    const { seen, run } = job(changed(at), { target: medium(64 * mib).target });
    await t.rejects(run(), { code: "ERR_EDGEIMG_FLASH_SOURCE_HASH" });
    t.strictSame(seen, { opened: 2, closed: 2 });
  });
}

t.test("an image that is cut off meanwhile is the image's fault", async (t) => {
  const { seen, run } = job(made.image.subarray(0, 17 * mib - 1), { target: medium(64 * mib).target });
  await t.rejects(run(), { code: "ERR_EDGEIMG_FLASH_SOURCE_HASH", message: /it ends at byte 17825791/ });
  t.strictSame(seen, { opened: 1, closed: 1 });
});

t.test("a wrong hash is the card's fault when the image has the right one", async (t) => {
  const to = medium(64 * mib, {
    onRead: (buffer, at) => {
      if (at === 8 * mib) buffer[0] = (buffer[0] ?? 0) ^ 1;
    },
  });
  const { seen, run } = job(made.image, { target: to.target });
  await t.rejects(run(), { code: "ERR_EDGEIMG_FLASH_VERIFY" });
  t.strictSame(seen, { opened: 2, closed: 2 });
});

t.test("an image is closed when another card is in the reader", async (t) => {
  const check = async () => {
    throw new Error("another card");
  };
  const to = medium(64 * mib);
  const { seen, run } = job(made.image, { target: to.target, check });
  await t.rejects(run(), { message: "another card" });
  t.strictSame(seen, { opened: 1, closed: 1 });
  t.strictSame(to.log, [], "nothing was written");
});

for (const { what, at } of [
  { what: "clearing", at: 0 },
  { what: "writing", at: 8 * mib },
]) {
  t.test(`an image is closed when ${what} fails`, async (t) => {
    const onWrite = (_: Uint8Array, to: number) => {
      if (to === at) throw broken;
    };
    const { seen, run } = job(made.image, { target: medium(64 * mib, { onWrite }).target });
    await t.rejects(run(), { code: "ERR_EDGEIMG_FLASH_IO" });
    t.strictSame(seen, { opened: 1, closed: 1 });
  });
}
