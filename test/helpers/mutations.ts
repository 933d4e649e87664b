/** A generator of whole numbers below a bound, the same on each run (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A copy with `count` bytes from `at` on overwritten. */
export function overwritten(bytes: Buffer, at: number, count: number, roll: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0; i < count; i++) copy[at + i] = roll(256);
  return copy;
}

export interface Segment {
  readonly marker: number;
  /** From its 0xff to behind its last byte. */
  readonly start: number;
  readonly end: number;
}

/** The segments of a JPEG up to its first scan, whose header is the last of them. */
export function segments(jpeg: Buffer): Segment[] {
  const found: Segment[] = [];
  for (let start = 2; ; ) {
    const marker = jpeg.readUInt16BE(start) & 0xff;
    const end = start + 2 + jpeg.readUInt16BE(start + 2);
    found.push({ marker, start, end });
    if (marker === 0xda) return found;
    start = end;
  }
}

/** The JPEG without one of its segments. */
export const without = (jpeg: Buffer, { start, end }: Segment): Buffer =>
  Buffer.concat([jpeg.subarray(0, start), jpeg.subarray(end)]);

/** The JPEG with a segment after its first marker. */
export function withSegment(jpeg: Buffer, marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 0xff]);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** The JPEG saying that it has another size. */
export function resized(jpeg: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(jpeg);
  const frame = segments(jpeg).find(({ marker }) => marker >= 0xc0 && marker <= 0xc2);
  if (frame === undefined) throw new Error("there is no frame header");
  copy.writeUInt16BE(height, frame.start + 5);
  copy.writeUInt16BE(width, frame.start + 7);
  return copy;
}
