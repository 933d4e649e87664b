import type { Board } from "../catalog/board.js";
import { type BootEntry, readConfigTxt, readExtlinux } from "../formats/boot-config.js";

/** The entries that a board's loader finds in its boot partition, the one that it starts first. `text` reads a file there. */
export function bootEntries({ boot }: Pick<Board, "boot">, text: (name: string) => string): readonly BootEntry[] {
  switch (boot.kind) {
    case "raspberry-pi":
      return readConfigTxt(text("config.txt"), text("cmdline.txt"));
    case "extlinux":
      return readExtlinux(text(boot.config));
  }
}
