import type { Board, BootKind } from "../catalog/board.js";

/** What a kind of loader is given to read. */
export interface BootKindFiles {
  /** Templates in templates/boot/ -> path in the boot partition. */
  readonly templates: (boot: Pick<Board["boot"], "config">) => Readonly<Record<string, string>>;
}

/** By kind; src/device/boot-config.ts reads the same files again. */
export const bootKinds: Readonly<Record<BootKind, BootKindFiles>> = {
  "raspberry-pi": {
    templates: () => ({ "raspberry-pi/config.txt.hbs": "config.txt", "raspberry-pi/cmdline.txt.hbs": "cmdline.txt" }),
  },
  extlinux: { templates: ({ config }) => ({ "extlinux.conf.hbs": config }) },
};
