import * as z from "zod";

/** One whole drive, as far as it matters for writing to it. */
export interface Drive {
  /** `/dev/sdb`. */
  readonly path: string;
  /** The kernel's number of it, `8:16`. */
  readonly number: string;
  /** Bytes; 0 for a reader without a card. */
  readonly size: number;
  /** Vendor and model. */
  readonly model: string;
  /** usb, sd, mmc, sata, nvme, loop ...; empty when unknown. */
  readonly bus: string;
  readonly serial: string;
  readonly wwn: string;
  /** The kernel's running number of the medium: another one after each change of card. Empty before Linux 5.15. */
  readonly sequence: string;
  readonly removable: boolean;
  readonly readOnly: boolean;
  /** Whether it is of a kind that cards come as: removable, USB, SD; or a loop device. */
  readonly suitable: boolean;
  /** Its partitions, or itself, by file system: "sdb1 vfat BOOT". */
  readonly contents: readonly string[];
  readonly mounts: readonly { readonly device: string; readonly folder: string }[];
  /** Devices that other drivers have made of its parts and that are not mounts: LVM, RAID, encryption. */
  readonly holders: readonly string[];
  /** What the running system has there: "/", "swap", a folder of the user. Empty: nothing. */
  readonly system: readonly string[];
}

export interface DriveFacts {
  /** What `lsblk --json --bytes` printed. */
  readonly lsblk: string;
  /** /proc/self/mountinfo and /proc/swaps. */
  readonly mountinfo: string;
  readonly swaps: string;
  /** Folders that must not be written over. */
  readonly folders: readonly string[];
  /** A file below /sys/block, or "". */
  readonly sysfs: (path: string) => Promise<string>;
}

const text = z
  .string()
  .nullish()
  .transform((value) => value?.trim() ?? "");
/** Older versions print numbers and switches as text. */
const number = z.union([z.number(), z.string()]).nullish().transform(Number);
const flag = z
  .union([z.boolean(), z.string(), z.number()])
  .nullish()
  .transform((value) => [true, 1, "1"].includes(value ?? false));

const node = z.object({
  name: z.string(),
  kname: z.string(),
  path: text,
  "maj:min": text,
  type: z.string(),
  size: number,
  rm: flag,
  hotplug: flag,
  ro: flag,
  tran: text,
  vendor: text,
  model: text,
  serial: text,
  wwn: text,
  fstype: text,
  label: text,
  get children() {
    return z.array(node).optional();
  },
});
type Node = z.infer<typeof node>;

/** Where the system lives: a drive with one of these mounted is never written. */
const systemFolders = [
  "/",
  "/boot",
  "/boot/efi",
  "/boot/firmware",
  "/efi",
  "/usr",
  "/var",
  "/etc",
  "/home",
  "/root",
  "/opt",
  "/srv",
];

interface Mount {
  readonly number: string;
  readonly source: string;
  readonly folder: string;
}

/** Joins what lsblk and /proc say of drives, their partitions and all that is stacked on these. */
export async function parseDrives(facts: DriveFacts): Promise<Drive[]> {
  const { blockdevices } = z.object({ blockdevices: z.array(node) }).parse(JSON.parse(facts.lsblk));
  const mounts = parseMounts(facts.mountinfo);
  const swaps = facts.swaps
    .split("\n")
    .slice(1)
    .flatMap((line) => unescapeOctal(line.split(/\s+/)[0] ?? "") || []);
  // A folder, or a file that is swapped to, is on the mount whose folder is the longest prefix of its path.
  const folders = [
    ...facts.folders.map((folder) => ({ folder, name: folder })),
    ...swaps.filter((path) => !path.startsWith("/dev/")).map((folder) => ({ folder, name: "swap" })),
  ].map(({ folder, name }) => ({ name, mount: mountOf(folder, mounts) }));
  const drives: Drive[] = [];
  for (const one of blockdevices) {
    if (!["disk", "loop", "rom"].includes(one.type) || one.type === "rom" || one.kname.startsWith("zram")) continue;
    const nodes = flatten(one);
    const mounted = mounts.filter((mount) => nodes.some((part) => isOn(mount, part)));
    const system = [
      ...mounted.filter(({ folder }) => systemFolders.includes(folder)).map(({ folder }) => folder),
      ...nodes.filter((part) => swaps.includes(pathOf(part))).map(() => "swap"),
      ...folders.filter(({ mount }) => mount !== undefined && mounted.includes(mount)).map(({ name }) => name),
    ];
    const kind = one.kname.startsWith("mmcblk") ? (await facts.sysfs(`${one.kname}/device/type`)).toLowerCase() : "";
    const bus = one.type === "loop" ? "loop" : one.tran === "mmc" || one.tran === "" ? kind : one.tran;
    drives.push({
      path: pathOf(one),
      number: one["maj:min"],
      size: one.size,
      model:
        [one.vendor, one.model].filter((word) => word !== "").join(" ") ||
        (await facts.sysfs(`${one.kname}/device/name`)),
      bus,
      serial: one.serial || (await facts.sysfs(`${one.kname}/device/serial`)),
      wwn: one.wwn,
      sequence: await facts.sysfs(`${one.kname}/diskseq`),
      removable: one.rm,
      readOnly: one.ro,
      suitable: one.rm || ["usb", "sd", "loop"].includes(bus),
      contents: nodes.flatMap((part) =>
        part.fstype === "" ? [] : [[part.name, part.fstype, part.label].filter((word) => word !== "").join(" ")],
      ),
      mounts: mounted.map((mount) => ({
        device: pathOf(nodes.find((part) => isOn(mount, part)) ?? one),
        folder: mount.folder,
      })),
      holders: nodes.filter((part) => part !== one && part.type !== "part").map(pathOf),
      system: [...new Set(system)],
    });
  }
  return drives;
}

/** Whether two looks at drives saw the same medium in the same place. */
export function isSameDrive(before: Drive, after: Drive): boolean {
  const keys = ["path", "number", "size", "model", "serial", "wwn", "sequence"] as const;
  return keys.every((key) => before[key] === after[key]);
}

function pathOf({ path, kname }: Node): string {
  return path === "" ? `/dev/${kname}` : path;
}

function flatten(one: Node): Node[] {
  return [one, ...(one.children ?? []).flatMap(flatten)];
}

/** By number; btrfs and others mount under a number of their own, but name the device. */
function isOn(mount: Mount, part: Node): boolean {
  return mount.number === part["maj:min"] || mount.source === pathOf(part) || mount.source === `/dev/${part.kname}`;
}

function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [front = "", back = ""] = line.split(" - ");
    const [, , device = "", , folder = ""] = front.split(" ");
    const [, source = ""] = back.split(" ");
    return folder === "" ? [] : [{ number: device, source: unescapeOctal(source), folder: unescapeOctal(folder) }];
  });
}

function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const above = mounts.filter(({ folder }) => folder === "/" || path === folder || path.startsWith(`${folder}/`));
  // Of two mounts on the same folder the later one is seen.
  return above.reduce<Mount | undefined>(
    (best, mount) => (best === undefined || mount.folder.length >= best.folder.length ? mount : best),
    undefined,
  );
}

/** The kernel writes spaces and the like in paths as `\040`. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
