import t from "tap";
import { parseMbr } from "../../src/formats/mbr.js";

t.test("an MBR with a gap between its partitions", async (t) => {
  const sector = new Uint8Array(512);
  const view = new DataView(sector.buffer);
  view.setUint32(440, 0xedce0001, true);
  sector.set([0x80, 0, 0, 0, 0x0c, 0, 0, 0], 446);
  view.setUint32(454, 8192, true);
  view.setUint32(458, 131072, true);
  sector.set([0, 0, 0, 0, 0x83, 0, 0, 0], 478);
  view.setUint32(486, 0x90000000, true);
  view.setUint32(490, 1, true);
  t.equal(parseMbr(sector), undefined, "no 55 AA at its end");
  sector.set([0x55, 0xaa], 510);
  t.same(parseMbr(sector), {
    signature: 0xedce0001,
    partitions: [
      { number: 1, type: 0x0c, active: true, offset: 4 * 2 ** 20, size: 64 * 2 ** 20 },
      { number: 3, type: 0x83, active: false, offset: 0x90000000 * 512, size: 512 },
    ],
  });
  t.equal(parseMbr(sector.subarray(0, 500)), undefined);
});
