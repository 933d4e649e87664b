import t from "tap";
import { chunk } from "../../src/flash/pieces.js";
import { edge, eraseStale, stalePlaces } from "../../src/flash/stale.js";
import { medium, mib } from "./simulated.js";

t.test("what is cleared fits a piece's buffer, whatever the card's size", async (t) => {
  const partitions = [{ number: 1, type: "0x83", offset: 16 * mib, size: 8 * mib }];
  for (const size of [64 * mib, 64e9, 2 ** 41, 2 ** 47]) {
    const [table, ...others] = stalePlaces(partitions, { size });
    t.equal(table?.length, edge);
    t.ok(others.length >= 1);
    t.ok(others.reduce((sum, { length }) => sum + length, 0) <= chunk, `${size} bytes`);
  }
});

t.test("memory that is too small is a mistake of ours, not a place left as it was", async (t) => {
  const { target } = medium(8 * mib);
  const places = [
    { at: 0, length: 4096 },
    { at: 4 * mib, length: 8192 },
  ];
  await t.rejects(eraseStale(target, { places, scratch: new Uint8Array(4096) }), { message: /8192 bytes to clear/ });
});
