import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { compileWithKernels } from "../../test/kernels/tools.js";
import type { Machine } from "./count.js";
import type { Core } from "./ports.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

/** Absolute paths of what the bench needs. */
export interface BenchTools {
  readonly gcc: string;
  readonly sysroot: string;
  /** A compiler for the host, for the plugin. */
  readonly hostGcc: string;
  readonly qemuSystem: string;
  readonly kernel: string;
}

/** Reads EDGEIMG_TEST_GCC, _SYSROOT, _HOST_GCC, _QEMU_SYSTEM and _KERNEL; undefined when one is missing. */
export function benchTools(): BenchTools | undefined {
  const { EDGEIMG_TEST_GCC: gcc, EDGEIMG_TEST_SYSROOT: sysroot, EDGEIMG_TEST_HOST_GCC: hostGcc } = process.env;
  const { EDGEIMG_TEST_QEMU_SYSTEM: qemuSystem, EDGEIMG_TEST_KERNEL: kernel } = process.env;
  if (gcc === undefined || sysroot === undefined || hostGcc === undefined) return undefined;
  if (qemuSystem === undefined || kernel === undefined) return undefined;
  return { gcc, sysroot, hostGcc, qemuSystem, kernel };
}

/** Compiles the counting plugin into `folder`. */
export async function makeMachine(tools: BenchTools, folder: string): Promise<Machine> {
  const plugin = join(folder, "count_blocks.so");
  const flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"];
  await execa(tools.hostGcc, [...flags, "-o", plugin, `${home}bench/kernels/count_blocks.c`]);
  return { qemuSystem: tools.qemuSystem, kernel: tools.kernel, plugin };
}

/** Compiles the bench for one core: the yardstick with -O3 for that core, the library as in the image. */
export async function compileBench(tools: BenchTools, core: Core, folder: string): Promise<string> {
  const plain = join(folder, `plain-${core.name}.o`);
  const output = join(folder, `bench-${core.name}`);
  const sysroot = `--sysroot=${tools.sysroot}`;
  const include = ["-I", `${home}recipes/kernels/include`];
  const source = `${home}bench/kernels/plain_conv.c`;
  await execa(tools.gcc, [sysroot, "-std=c11", "-O3", `-mcpu=${core.cpu}`, ...include, "-c", "-o", plain, source]);
  await compileWithKernels(
    { gcc: tools.gcc, sysroot: tools.sysroot, qemu: "" },
    { sources: ["bench/kernels/bench.c", "test/kernels/cases.c"], output, flags: ["-static", plain] },
  );
  return output;
}
