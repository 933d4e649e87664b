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
  /** An installed ncnn for arm64 (`lib/`, `include/`), to compare with; undefined when there is none. */
  readonly ncnn: string | undefined;
}

/**
 * Reads EDGEIMG_TEST_GCC, _SYSROOT, _HOST_GCC, _QEMU_SYSTEM and _KERNEL, undefined when one is missing, and
 * EDGEIMG_TEST_NCNN_ROOT, which may be.
 */
export function benchTools(): BenchTools | undefined {
  const { EDGEIMG_TEST_GCC: gcc, EDGEIMG_TEST_SYSROOT: sysroot, EDGEIMG_TEST_HOST_GCC: hostGcc } = process.env;
  const { EDGEIMG_TEST_QEMU_SYSTEM: qemuSystem, EDGEIMG_TEST_KERNEL: kernel } = process.env;
  if (gcc === undefined || sysroot === undefined || hostGcc === undefined) return undefined;
  if (qemuSystem === undefined || kernel === undefined) return undefined;
  return { gcc, sysroot, hostGcc, qemuSystem, kernel, ncnn: process.env.EDGEIMG_TEST_NCNN_ROOT };
}

/** Compiles the counting plugin into `folder`. */
export async function makeMachine(tools: BenchTools, folder: string): Promise<Machine> {
  const plugin = join(folder, "count_blocks.so");
  const flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"];
  await execa(tools.hostGcc, [...flags, "-o", plugin, `${home}bench/kernels/count_blocks.c`]);
  return { qemuSystem: tools.qemuSystem, kernel: tools.kernel, plugin };
}

/** Compiles the bench for one core: the yardstick with -O3 for that core, the library as in the image. */
export async function compileBench(
  tools: Pick<BenchTools, "gcc" | "sysroot">,
  core: Core,
  folder: string,
): Promise<string> {
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

/** Compiles ncnn's bench against an installed ncnn, and names the libraries that its machine needs. */
export async function compileNcnnBench(
  tools: Pick<BenchTools, "gcc" | "sysroot">,
  ncnn: string,
  folder: string,
): Promise<{ readonly program: string; readonly files: Readonly<Record<string, string>> }> {
  const program = join(folder, "ncnn-bench");
  const libraries = `${tools.sysroot}/usr/lib/aarch64-linux-gnu`;
  await execa(tools.gcc.replace(/gcc$/, "g++"), [
    ...[`--sysroot=${tools.sysroot}`, "-std=c++17", "-O2", "-no-pie", "-fno-rtti", "-fno-exceptions"],
    ...["-isystem", `${ncnn}/include`, "-isystem", `${ncnn}/include/ncnn`, "-o", program],
    ...[`${home}bench/kernels/ncnn_bench.cc`, `-L${ncnn}/lib`, "-lncnn", `-Wl,-rpath-link,${libraries}`],
  ]);
  const names = [
    "ld-linux-aarch64.so.1",
    "libgomp.so.1",
    "libstdc++.so.6",
    "libm.so.6",
    "libmvec.so.1",
    "libc.so.6",
    "libgcc_s.so.1",
  ];
  return {
    program,
    files: {
      "lib/libncnn.so.1": `${ncnn}/lib/libncnn.so.1`,
      ...Object.fromEntries(names.map((name) => [`lib/${name}`, `${libraries}/${name}`])),
    },
  };
}
