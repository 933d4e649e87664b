import t from "tap";
import { driveName, writableDrives } from "../../src/flash/check-drive.js";
import { isSameDrive } from "../../src/flash/drive.js";
import { parseDrives } from "../../src/flash/parse-drives.js";

interface Row {
  readonly name: string;
  readonly children?: readonly Row[];
  readonly [key: string]: unknown;
}

/** What lsblk prints of a node; newer versions print switches as booleans, older ones as "0" and "1". */
const row = (name: string, number: string, more: Record<string, unknown> = {}): Row => ({
  name,
  kname: name,
  path: `/dev/${name}`,
  "maj:min": number,
  type: "disk",
  size: 32_000_000_000,
  rm: false,
  hotplug: false,
  ro: false,
  tran: null,
  vendor: null,
  model: null,
  serial: null,
  wwn: null,
  fstype: null,
  label: null,
  ...more,
});
const part = (name: string, number: string, more: Record<string, unknown> = {}): Row =>
  row(name, number, { type: "part", ...more });

const mountinfo = `22 27 0:21 / /proc rw - proc proc rw
27 1 253:0 / / rw,relatime - ext4 /dev/mapper/vg-root rw
28 27 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw
40 27 0:45 /@home /home rw - btrfs /dev/sda1 rw
50 27 8:17 / /media/me/MY\\040CARD rw - vfat /dev/sdb1 rw
60 27 8:49 / /srv/pictures rw - ext4 /dev/sdd1 rw
`;
const swaps = `Filename\t\t\t\tType\t\tSize\tUsed\tPriority
/dev/sdc2                               partition\t1000\t0\t-2
/srv/pictures/swap\\040file              file\t1000\t0\t-3
`;
const lsblk = JSON.stringify({
  blockdevices: [
    row("loop0", "7:0", { type: "loop", size: 1000 }),
    row("sr0", "11:0", { type: "rom", rm: true }),
    row("zram0", "252:0"),
    row("nvme0n1", "259:0", {
      tran: "nvme",
      children: [
        part("nvme0n1p1", "259:1", { fstype: "vfat" }),
        part("nvme0n1p2", "259:2", {
          fstype: "LVM2_member",
          children: [row("dm-0", "253:0", { type: "lvm", fstype: "ext4", path: "/dev/mapper/vg-root" })],
        }),
      ],
    }),
    row("sda", "8:0", { tran: "usb", children: [part("sda1", "8:1", { fstype: "btrfs" })] }),
    row("sdb", "8:16", {
      ...{ tran: "usb", rm: "1", size: "31914983424", vendor: "SanDisk ", model: "Ultra", serial: "4C53" },
      children: [part("sdb1", "8:17", { fstype: "vfat", label: "MY CARD" })],
    }),
    row("sdc", "8:32", { tran: "usb", rm: true, children: [part("sdc2", "8:34", { fstype: "swap" })] }),
    row("sdd", "8:48", { tran: "usb", rm: true, children: [part("sdd1", "8:49", { fstype: "ext4" })] }),
    row("sde", "8:64", { tran: "sata" }),
    row("mmcblk0", "179:0"),
    row("mmcblk1", "179:8"),
    row("sdf", "8:80", {
      ...{ tran: "usb", rm: true },
      children: [
        part("sdf1", "8:81", { children: [row("dm-9", "253:9", { type: "crypt", path: "/dev/mapper/secret" })] }),
      ],
    }),
  ],
});
const sysfs = async (path: string) =>
  ({
    "mmcblk0/device/type": "MMC",
    "mmcblk1/device/type": "SD",
    "mmcblk1/device/name": "SC32G",
    "mmcblk1/device/serial": "0x1234",
    "sdb/diskseq": "12",
  })[path] ?? "";
const drives = await parseDrives({ lsblk, mountinfo, swaps, sysfs, folders: ["/home/me"] });
const find = (name: string) => drives.find(({ path }) => path === `/dev/${name}`);

t.test("what the system lives on is known through partitions, volumes, file systems and swap", async (t) => {
  t.strictSame(find("nvme0n1")?.system, ["/", "/boot/efi"], "through LVM");
  t.strictSame(find("sda")?.system, ["/home", "/home/me"], "btrfs mounts under a number of its own");
  t.strictSame(find("sdc")?.system, ["swap"], "a partition");
  t.strictSame(find("sdd")?.system, ["swap"], "a file, in a folder with a space");
  t.strictSame(find("sdb")?.system, []);
});

t.test("a card in a reader", async (t) => {
  t.match(find("sdb"), {
    size: 31_914_983_424,
    model: "SanDisk Ultra",
    sequence: "12",
    removable: true,
    suitable: true,
    contents: ["sdb1 vfat MY CARD"],
    mounts: [{ device: "/dev/sdb1", folder: "/media/me/MY CARD" }],
  });
  const drive = find("sdb");
  t.equal(drive && driveName(drive), "SanDisk Ultra, 32 GB, usb, serial 4C53, /dev/sdb");
  t.strictSame(find("sdf")?.holders, ["/dev/mapper/secret"], "an open LUKS volume holds it");
});

t.test("SD cards are suitable, soldered eMMC, SATA and NVMe are not", async (t) => {
  t.match(find("mmcblk1"), { suitable: true, bus: "sd", model: "SC32G", serial: "0x1234" });
  for (const name of ["mmcblk0", "sde", "nvme0n1"]) t.equal(find(name)?.suitable, false, name);
  t.notOk(find("sr0"));
  t.notOk(find("zram0"));
});

t.test("only what may be written is offered", async (t) => {
  t.strictSame(
    writableDrives(drives).map(({ path }) => path),
    ["/dev/sdb", "/dev/mmcblk1", "/dev/sdf"],
  );
});

t.test("a drive is known again by all that it has", async (t) => {
  const [drive] = writableDrives(drives);
  if (drive === undefined) return t.fail("no drive");
  t.ok(isSameDrive(drive, { ...drive, mounts: [], contents: [] }), "whatever is mounted");
  for (const change of [
    { serial: "x" },
    { size: 1 },
    { number: "8:99" },
    { sequence: "13" },
    { model: "y" },
    { wwn: "z" },
  ])
    t.notOk(isSameDrive(drive, { ...drive, ...change }), Object.keys(change).join());
});
