import { lstat, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { emulatedRoot } from "../../src/steps/emulated-root.js";

t.test("a checked program sees the sysroot, and a machine of as many cores on every host", async (t) => {
  const folder = t.testdir({ sysroot: { usr: { lib: { "libc.so.6": "" } }, sys: { "of-the-package": "" } } });
  const [sysroot, into] = [join(folder, "sysroot"), join(folder, "root")];
  for (const cores of [4, 1, 2]) t.equal(await emulatedRoot(sysroot, { into, cores }), into);
  t.equal(await readlink(join(into, "usr")), join(sysroot, "usr"));
  t.ok((await lstat(join(into, "sys"))).isDirectory(), "not the sysroot's");
  const read = (path: string) => readFile(join(into, "sys/devices/system/cpu", path), "utf8");
  for (const file of ["online", "possible", "present", "cpu1/topology/core_siblings_list"])
    t.equal(await read(file), "0-1\n", file);
  t.equal(await read("kernel_max"), "1\n");
  t.equal(await read("cpu1/topology/core_id"), "1\n");
  await t.rejects(read("cpu2/topology/core_id"), "nothing is left of a larger machine");
  await writeFile(join(into, "usr/lib/x"), "");
  t.equal(await readFile(join(sysroot, "usr/lib/x"), "utf8"), "", "the sysroot itself, not a copy");
});
