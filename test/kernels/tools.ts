import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { load } from "js-yaml";
import * as z from "zod";

const home = fileURLToPath(new URL("../../", import.meta.url));
const recipeFolder = `${home}recipes/kernels/`;

const program = z.object({
  include: z.array(z.string()),
  sources: z.array(z.string()),
  cflags: z.array(z.string()),
  libs: z.array(z.string()),
  ldflags: z.array(z.string()),
});

/** Programs of the tools roots that tests of the kernels run: absolute paths. */
export interface KernelTools {
  readonly gcc: string;
  readonly sysroot: string;
  readonly qemu: string;
}

/** Reads EDGEIMG_TEST_GCC (for the target), EDGEIMG_TEST_SYSROOT and EDGEIMG_TEST_QEMU; throws when one is missing. */
export function kernelTools(): KernelTools {
  return { gcc: need("GCC"), sysroot: need("SYSROOT"), qemu: need("QEMU") };
}

/** The same for 32-bit Arm: _GCC_ARMHF, _SYSROOT_ARMHF and _QEMU_ARM. */
export function arm32Tools(): KernelTools {
  return { gcc: need("GCC_ARMHF"), sysroot: need("SYSROOT_ARMHF"), qemu: need("QEMU_ARM") };
}

/** An installed ncnn (`lib/`, `include/`), compiled for Cortex-A72: EDGEIMG_TEST_NCNN_INSTALLED. */
export const installedNcnn = (): string => need("NCNN_INSTALLED");

function need(name: string): string {
  const value = process.env[`EDGEIMG_TEST_${name}`];
  if (value === undefined) throw new Error(`EDGEIMG_TEST_${name} is not set`);
  return value;
}

/** The one program of recipes/kernels/recipe.yaml. */
export async function kernelRecipe(): Promise<z.infer<typeof program>> {
  const text = await readFile(`${recipeFolder}recipe.yaml`, "utf8");
  const [first] = z.object({ programs: z.array(program).length(1) }).parse(load(text)).programs;
  if (first === undefined) throw new Error("recipes/kernels/recipe.yaml names no program");
  return first;
}

/**
 * Compiles `sources` (paths in the project) with the library's own sources and flags into one program, a static one
 * unless `flags` say otherwise.
 */
export async function compileWithKernels(
  tools: KernelTools,
  options: { readonly sources: readonly string[]; readonly output: string; readonly flags?: readonly string[] },
): Promise<void> {
  const recipe = await kernelRecipe();
  const include = [
    ...recipe.include.map((folder) => recipeFolder + folder),
    `${recipeFolder}reference`,
    `${home}test/kernels`,
  ];
  await execa(tools.gcc, [
    `--sysroot=${tools.sysroot}`,
    ...recipe.cflags,
    ...(options.flags ?? ["-static"]),
    ...include.map((folder) => `-I${folder}`),
    "-o",
    options.output,
    ...recipe.sources.map((source) => recipeFolder + source),
    ...options.sources.map((source) => home + source),
    ...recipe.libs.map((library) => `-l${library}`),
  ]);
}

/** Compiles the shared library as the image build does. */
export async function compileLibrary(tools: KernelTools, output: string): Promise<void> {
  const recipe = await kernelRecipe();
  await execa(
    tools.gcc,
    [
      `--sysroot=${tools.sysroot}`,
      ...recipe.cflags,
      ...recipe.include.flatMap((folder) => ["-I", folder]),
      ...recipe.sources,
      ...recipe.libs.map((library) => `-l${library}`),
      ...recipe.ldflags,
      "-o",
      output,
    ],
    { cwd: recipeFolder },
  );
}
