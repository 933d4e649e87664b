import { fileURLToPath } from "node:url";
import t from "tap";
import { bundleChild, startChild } from "../helpers/child.js";

const disk = fileURLToPath(new URL("../fixtures/disks/genimage-raw-mbr.img.br", import.meta.url));

/**
 * A parser whose time grows with the square of its input would need hours for what the child feeds it, a linear one needs seconds: the
 * limit lies far from both, and the child is killed when it is reached.
 */
const limitMs = 600_000;

t.test("every parser of outside input ends on 1 MB of its worst", { timeout: limitMs + 30_000 }, async (t) => {
  const child = startChild(await bundleChild(new URL("worst-child.ts", import.meta.url), t.testdir()), [disk]);
  const timer = setTimeout(() => child.process.kill("SIGKILL"), limitMs);
  const end = await child.ended;
  clearTimeout(timer);
  t.equal(end, 0, `the last one that ended: ${child.lines.at(-1)}`);
  t.equal(child.lines.at(-1), "all done");
  t.equal(child.lines.length, 23, child.lines.join(", "));
});
