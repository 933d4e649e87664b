import { join } from "node:path";
import t from "tap";
import { flashImage } from "../../src/api/device/flash.js";
import { readBootPartition } from "../../src/device/extract.js";
import { readFat } from "../../src/formats/fat.js";
import { fixtureDisk } from "../helpers/disks.js";
import { card, flashOptions, layers, medium, mib, noSettings, simulatedContext } from "./simulated.js";

for (const name of [
  "genimage-raw-gpt",
  "genimage-far-gpt",
  "genimage-raw-hybrid",
  "genimage-raw-mbr",
  "sgdisk-gpt",
] as const) {
  t.test(`${name}: its boot partition is found by flash and by QEMU's start`, async (t) => {
    const folder = t.testdir({ "disk.img": fixtureDisk(name) });
    const files = await readBootPartition(join(folder, "disk.img"));
    t.strictSame(
      files.map(({ path }) => path),
      ["cmdline.txt"],
    );
    const to = medium(64 * mib);
    const settings = { ...noSettings, hostname: "reader-7" };
    await flashImage(simulatedContext(folder).context, flashOptions({ settings }), layers([[card(64 * mib)]], to));
    const written = readFat(to.bytes.subarray(4 * mib, 8 * mib)).find(({ path }) => path === "edgeimg.txt");
    t.match(Buffer.from(written?.read() ?? []).toString(), /^hostname=reader-7$/m);
  });
}
