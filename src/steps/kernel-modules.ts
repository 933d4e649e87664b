import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type ModuleFiles, type ModuleIndex, moduleIndex } from "../formats/kernel-modules.js";
import * as z from "../ground/zod.js";
import { lastLines, runProcess } from "../process/run-process.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  /** depmod, relative to the work folder. */
  program: z.string(),
  /** The folder of the input `kernel` that is the root of its package. */
  root: z.string(),
  /** Below it: the folder with one folder of modules per kernel. */
  folder: z.string(),
});

const index = z.strictObject({
  /** The kernel's release, and the name of its folder. */
  release: z.string(),
  modules: z.record(
    z.string(),
    z.strictObject({ path: z.string(), needs: z.array(z.string()), before: z.array(z.string()) }),
  ),
  builtin: z.array(z.string()),
});
export type KernelModules = z.infer<typeof index>;

/**
 * Lists a kernel's modules with what each needs: `out/modules.json`. Packages do not hold modules.dep: their scripts make it on the
 * machine, with the same depmod (kmod).
 */
export const kernelModulesKind = defineKind({
  name: "kernel-modules",
  version: 1,
  params,
  async run({ program, root, folder }, context) {
    const base = join(inputFolder(context.inputs, "kernel"), root);
    const releases = await readdir(join(base, folder));
    const [release] = releases;
    if (release === undefined || releases.length > 1)
      throw new Error(`the kernel's package has modules of ${releases.length} kernels`);
    await indexModules({ program, base, release }, context);
    const made = join(context.work, "made");
    const read = async (name: string) => await readFile(await findMade(made, release, name), "utf8");
    const files: ModuleFiles = {
      "modules.dep": await read("modules.dep"),
      "modules.softdep": await read("modules.softdep"),
      "modules.alias": await read("modules.alias"),
      "modules.builtin": await readFile(join(base, folder, release, "modules.builtin"), "utf8"),
    };
    const found: ModuleIndex = moduleIndex(files);
    await writeFile(join(context.out, "modules.json"), `${JSON.stringify({ release, ...found })}\n`);
  },
});

/** The index that such a step left. */
export function readKernelModules(folder: string): KernelModules {
  return index.parse(JSON.parse(readFileSync(join(folder, "modules.json"), "utf8")));
}

async function indexModules(
  job: { readonly program: string; readonly base: string; readonly release: string },
  { work, inputs, services }: StepContext,
): Promise<void> {
  for (const name of ["in", "made"]) {
    await rm(join(work, name), { recursive: true, force: true });
    await mkdir(join(work, name), { recursive: true });
  }
  await symlink(inputFolder(inputs, "tools"), join(work, "in/tools"));
  const said = lastLines();
  const end = await runProcess({
    program: join(work, job.program),
    args: ["-b", job.base, "-o", join(work, "made"), job.release],
    work,
    env: { PATH: "", HOME: work, LC_ALL: "C", TZ: "UTC" },
    signal: services.signal,
    onLine: said.add,
  });
  if (!end.failed) return;
  if (end.code === "ENOSPC" || said.isFull())
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  throw new EdgeimgError("ERR_EDGEIMG_STEP_FAILED", `${basename(job.program)} failed (${end.reason}).`, {
    details: said.important(),
    hint: "The kernel's package may be damaged: `edgeimg cache verify` tells.",
  });
}

/** depmod is built for /lib/modules or /usr/lib/modules. */
async function findMade(made: string, release: string, name: string): Promise<string> {
  for (const folder of ["usr/lib/modules", "lib/modules"]) {
    const files = await readdir(join(made, folder, release)).catch((): string[] => []);
    if (files.includes(name)) return join(made, folder, release, name);
  }
  throw new Error(`no ${name} was written`);
}
