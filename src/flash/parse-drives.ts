import type { Drive } from "./drive.js";

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

const texts = [
  "name",
  "kname",
  "path",
  "maj:min",
  "type",
  "tran",
  "vendor",
  "model",
  "serial",
  "wwn",
  "fstype",
  "label",
] as const;

/** What is asked of lsblk (util-linux 2.27 and later). */
export const lsblkColumns = [...texts, "size", "rm", "ro"] as const;

/** One line of lsblk's tree. */
interface Node extends Readonly<Record<(typeof texts)[number], string>> {
  readonly size: number;
  readonly rm: boolean;
  readonly ro: boolean;
  readonly children: readonly Node[];
}

/**
 * By hand: what lsblk says is never ill-formed, only typed differently by its versions (numbers and switches as text, null for
 * nothing), and every flash would wait for a schema library to be read.
 */
function parseNodes(value: unknown): Node[] {
  return (Array.isArray(value) ? value : []).map((raw: Readonly<Record<string, unknown>>) => {
    const text = (key: string) => String(raw[key] ?? "").trim();
    return {
      ...(Object.fromEntries(texts.map((key) => [key, text(key)])) as Record<(typeof texts)[number], string>),
      size: Number(text("size")),
      rm: isOn(text("rm")),
      ro: isOn(text("ro")),
      children: parseNodes(raw.children),
    };
  });
}

function isOn(flag: string): boolean {
  return flag === "true" || flag === "1";
}

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
  const { blockdevices } = JSON.parse(facts.lsblk) as { readonly blockdevices?: unknown };
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
  for (const one of parseNodes(blockdevices)) {
    if (!["disk", "loop", "rom"].includes(one.type) || one.type === "rom" || one.kname.startsWith("zram")) continue;
    const nodes = flatten(one);
    const mounted = mounts.filter((mount) => nodes.some((part) => isMountOf(mount, part)));
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
        device: pathOf(nodes.find((part) => isMountOf(mount, part)) ?? one),
        folder: mount.folder,
      })),
      holders: nodes.filter((part) => part !== one && part.type !== "part").map(pathOf),
      system: [...new Set(system)],
    });
  }
  return drives;
}

function pathOf({ path, kname }: Node): string {
  return path === "" ? `/dev/${kname}` : path;
}

function flatten(one: Node): Node[] {
  return [one, ...one.children.flatMap(flatten)];
}

/** By number; btrfs and others mount under a number of their own, but name the device. */
function isMountOf(mount: Mount, part: Node): boolean {
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
