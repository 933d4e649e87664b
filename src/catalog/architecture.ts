import * as z from "../ground/zod.js";

/** What has to be known of a processor's architecture: for boards, for hosts, or both. */
export interface Architecture {
  /** GNU triplet, as in names of folders and of compilers. */
  readonly triplet: string;
  /** The dynamic loader within a root whose /lib* are links into /usr (its processor's psABI, and Debian's merged /usr). */
  readonly loader: string;
  /** How its machine code is read: a64 is the one whose extensions are known. */
  readonly instructions: "a64" | "a32" | "x86";
  /** ELF's e_machine (System V ABI, chapter 4). */
  readonly elfMachine: number;
  /** QEMU's name: qemu-NAME runs its programs, qemu-system-NAME its machines. */
  readonly qemu: string;
  /** GCC's option that names a core. */
  readonly cpuOption: "-mcpu" | "-march";
  /** The core that every processor of the architecture stands for, as `cpuOption` names it: what a machine that builds is taken for. */
  readonly generic: string;
  /** Buildroot's symbol. */
  readonly buildroot: string;
  /** Node's `process.arch`. */
  readonly node: string;
}

/** By Debian's names, the only place where architectures are told apart: a new one is one entry here. */
const table = {
  amd64: {
    triplet: "x86_64-linux-gnu",
    loader: "usr/lib64/ld-linux-x86-64.so.2",
    instructions: "x86",
    elfMachine: 62,
    qemu: "x86_64",
    cpuOption: "-march",
    generic: "x86-64",
    buildroot: "BR2_x86_64",
    node: "x64",
  },
  arm64: {
    triplet: "aarch64-linux-gnu",
    loader: "usr/lib/ld-linux-aarch64.so.1",
    instructions: "a64",
    elfMachine: 183,
    qemu: "aarch64",
    cpuOption: "-mcpu",
    generic: "generic",
    buildroot: "BR2_aarch64",
    node: "arm64",
  },
  armhf: {
    triplet: "arm-linux-gnueabihf",
    loader: "usr/lib/ld-linux-armhf.so.3",
    instructions: "a32",
    elfMachine: 40,
    qemu: "arm",
    cpuOption: "-mcpu",
    generic: "generic-armv7-a",
    buildroot: "BR2_arm",
    node: "arm",
  },
} as const satisfies Readonly<Record<string, Architecture>>;

/** Debian's name of an architecture. */
export type Arch = keyof typeof table;

export const architectures: Readonly<Record<Arch, Architecture>> = table;
export const arch = z.enum(Object.keys(table) as [Arch, ...Arch[]]);

/** Debian's name of the architecture that Node calls so; undefined when it is none of the table. */
export function archOfNode(node: string): Arch | undefined {
  return arch.options.find((one) => architectures[one].node === node);
}
