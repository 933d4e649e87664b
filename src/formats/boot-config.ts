/** What a boot loader's file says of the kernel: paths within the partition that it lies in. */
export interface BootEntry {
  readonly label: string;
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly dtb: string | undefined;
  readonly cmdline: string;
}

/**
 * The entries of an extlinux.conf, the one that is started first. Keys as U-Boot's pxe_utils knows them, in any case; what it does not
 * know, and what stands before the first label, is passed over. Of two lines with the same key the last one counts.
 */
export function readExtlinux(text: string): readonly BootEntry[] {
  const entries: Record<string, string>[] = [];
  let first: string | undefined;
  for (const line of text.split("\n")) {
    const [, key = "", value = ""] = /^\s*([A-Za-z]+)\s+(.*?)\s*$/.exec(line) ?? [];
    const word = key.toLowerCase();
    if (word === "default") first = value;
    else if (word === "label") entries.push({ label: value });
    else if (word !== "") Object.assign(entries.at(-1) ?? {}, { [synonyms[word] ?? word]: value });
  }
  const read = entries.map(
    (entry): BootEntry => ({
      label: entry.label ?? "",
      kernel: relative(entry.kernel),
      initrd: relative(entry.initrd),
      dtb: relative(entry.fdt),
      cmdline: entry.append ?? "",
    }),
  );
  return [...read.filter(({ label }) => label === first), ...read.filter(({ label }) => label !== first)];
}

const synonyms: Readonly<Record<string, string>> = { linux: "kernel", devicetree: "fdt" };

/** Paths are taken from the root of the partition. */
function relative(path: string | undefined): string | undefined {
  return path?.replace(/^\/+/, "");
}

/**
 * What a config.txt of the Raspberry Pi's firmware says: an entry for each section that names a device tree, with what `[all]` says of the
 * rest; one without a device tree when none does. The command line is a file of its own.
 */
export function readConfigTxt(text: string, cmdline: string): readonly BootEntry[] {
  const all: { kernel?: string; initrd?: string } = {};
  const trees: { label: string; dtb: string }[] = [];
  let section = "all";
  for (const line of text.split("\n").map((one) => one.trim())) {
    const filter = /^\[(.*)\]$/.exec(line)?.[1];
    if (filter !== undefined) section = filter;
    const [, key = "", value = ""] = /^([a-z_]+)(?:=|\s+)(\S+)/.exec(line) ?? [];
    if (key === "kernel" && section === "all") all.kernel = value;
    if (key === "initramfs" && section === "all") all.initrd = value;
    if (key === "device_tree") trees.push({ label: section, dtb: value });
  }
  const common = { kernel: all.kernel, initrd: all.initrd, cmdline: cmdline.trim() };
  if (trees.length === 0) return [{ ...common, label: section, dtb: undefined }];
  return trees.map((tree) => ({ ...common, ...tree }));
}
