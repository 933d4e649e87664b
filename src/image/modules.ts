import type { Board } from "../catalog/board.js";
import type { InitRecipe } from "../catalog/init.js";
import type { RootFilesystem } from "./layout.js";

/** Kernel modules by who wants them; what they need is found in the kernel. */
export interface ModuleLists {
  /** For the root's device, the root's file system, and ext4 for the data partition. */
  readonly initramfs: readonly string[];
  /** Without those that the initramfs has loaded. */
  readonly rootfs: readonly string[];
  /** For the boot partition, which are loaded only when it holds settings for this one card. */
  readonly bootPartition: readonly string[];
}

export function moduleLists(
  board: Board,
  init: InitRecipe,
  { filesystem, more }: { readonly filesystem: RootFilesystem; readonly more: readonly string[] },
): ModuleLists {
  const { filesystems } = init;
  const initramfs = unique([
    ...board.kernel.initramfs,
    ...(filesystems[filesystem] ?? []),
    ...(filesystems.ext4 ?? []),
  ]);
  const loaded = new Set(initramfs);
  return {
    initramfs,
    rootfs: unique([...board.kernel.rootfs, ...more]).filter((name) => !loaded.has(name)),
    bootPartition: filesystems.vfat ?? [],
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
