import { sha256Text } from "../ground/canonical.js";

/** What tells one card's image from another: all of it follows from a name, so that the same image always has the same. */
export interface Identity {
  readonly hostname: string;
  /** The MBR's disk signature and the FAT's volume number, 8 hex digits. */
  readonly signature: string;
  /** Of the disk and its partitions in a GPT; `root` is the root file system's own number, too. 8-4-4-4-12 hex digits. */
  readonly uuids: Readonly<Record<"disk" | "boot" | "root" | "data", string>>;
}

export function identityOf(seed: string, hostname: string): Identity {
  const uuid = (part: string) => uuidOf(`${part} ${seed}`);
  return {
    hostname,
    signature: sha256Text(`signature ${seed}`).slice(0, 8),
    uuids: { disk: uuid("disk"), boot: uuid("boot"), root: uuid("root"), data: uuid("data") },
  };
}

/** A version-4-shaped UUID from a name. */
function uuidOf(text: string): string {
  const hex = sha256Text(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
