import { architectures } from "../catalog/architecture.js";
import type { Core } from "../image/request.js";
import type { DebianContext } from "./roots.js";

/** How a step starts a program that was compiled: further inputs of the step, and the first words of its command. */
export interface Launcher {
  readonly inputs: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** In QEMU, as on the board's core. */
export function emulated(
  { arch }: Pick<DebianContext, "arch">,
  { board, qemu, sysroot }: { readonly board: Core; readonly qemu: string; readonly sysroot: string },
): Launcher {
  const program = `in/qemu/root/usr/bin/qemu-${architectures[arch].qemu}`;
  return { inputs: { qemu, sysroot }, command: [program, "-cpu", board.cpu, "-L", "in/sysroot/root"] };
}

/** On the machine that builds, by the loader and with the libraries of what it was compiled against: nothing of the machine's own takes part. */
export function native({ arch }: Pick<DebianContext, "arch">, sysroot: string): Launcher {
  return { inputs: { sysroot }, command: nativeCommand(arch, "{cwd}/in/sysroot/root") };
}

/** The first words of such a command, with the root's path. */
export function nativeCommand(arch: DebianContext["arch"], root: string): string[] {
  const { loader, triplet } = architectures[arch];
  return [`${root}/${loader}`, "--library-path", `${root}/usr/lib/${triplet}`];
}
