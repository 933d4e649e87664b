import type { A64Extension } from "../formats/a64-features.js";
import type { Board } from "./board.js";

const cryptography: readonly A64Extension[] = ["aes", "pmull", "sha1", "sha2"];
const armv82: readonly A64Extension[] = [...cryptography, "lse", "rdma", "fp16", "dotprod", "rcpc"];

/**
 * What cores have beyond ARMv8.0 with CRC32, by GCC's names of cores; cryptography as far as makers may leave it in. From each core's
 * Technical Reference Manual, identification registers ID_AA64ISAR0_EL1, ID_AA64ISAR1_EL1 and ID_AA64PFR0_EL1.
 */
const cores: Readonly<Record<string, readonly A64Extension[]>> = {
  "cortex-a35": cryptography,
  "cortex-a53": cryptography,
  "cortex-a57": cryptography,
  "cortex-a72": cryptography,
  "cortex-a73": cryptography,
  "cortex-a55": armv82,
  "cortex-a75": armv82,
  "cortex-a76": armv82,
  "cortex-a77": armv82,
  "cortex-a78": armv82,
  "neoverse-n1": armv82,
};

/** What code on a board may use without asking: its core's, what the board file says besides, less what the silicon lacks. */
export function extensionsOf({
  cpu,
  has,
  lacks,
}: {
  readonly [K in "cpu" | "has" | "lacks"]: Readonly<Board[K]>;
}): readonly A64Extension[] {
  const all = new Set([...(cores[cpu] ?? []), ...has]);
  return [...all].filter((one) => !lacks.includes(one)).sort();
}
