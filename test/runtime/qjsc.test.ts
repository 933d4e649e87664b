import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { load } from "js-yaml";
import t from "tap";
import * as z from "zod";
import { appFolder, compile } from "../helpers/edge-app.js";
import { kernelTools } from "../kernels/tools.js";

const runtime = fileURLToPath(new URL("../../recipes/runtime/", import.meta.url));
const recipe = z.object({
  buildroot: z.object({ compiler: z.object({ cflags: z.array(z.string()), sources: z.array(z.string()) }) }),
});

t.test("the compiler that Buildroot runs on its host gives the bundle that edge-run itself does", async (t) => {
  const { gcc, sysroot, qemu } = kernelTools();
  const folder = await appFolder();
  t.teardown(folder.remove);
  const { compiler } = recipe.parse(load(await readFile(join(runtime, "recipe.yaml"), "utf8"))).buildroot;
  const program = join(folder.path, "edgeimg-qjsc");
  await execa(
    gcc,
    [
      `--sysroot=${sysroot}`,
      ...[...compiler.cflags, "-Werror", "-static", "-Isrc", "-o", program, ...compiler.sources],
      join(sysroot, "usr/lib/aarch64-linux-gnu/quickjs/libquickjs.a"),
      ...["-lz", "-lm", "-lpthread"],
    ],
    { cwd: runtime },
  );
  const source =
    'import { report } from "edge:process";\nfunction twice(n) {\n  return 2 * n;\n}\nreport(String(twice(21)));\n';
  const own = await compile(folder.path, source);
  const other = join(folder.path, "other.qjb");
  await execa(qemu, [program, join(folder.path, "main.js"), other]);
  t.ok((await readFile(other)).equals(await readFile(own)));
});
