import { z } from "zod";
import { arch, name, size } from "./common.js";

/** Values of device-tree properties: strings, or 32-bit cells. */
const dtbValues = z.record(z.string(), z.union([z.string(), z.array(z.int().min(0).max(0xffffffff))]));

/** A change to a device tree before QEMU gets it: what the emulated machine lacks. */
const dtbEdit = z.strictObject({
  /** Full path of the node, `/soc/i2c@7ef04500`. */
  node: z.string().startsWith("/"),
  /** Makes the node when it is missing; without this a missing node is an error. */
  create: z.boolean().default(false),
  set: dtbValues.default({}),
  /** Names of properties to take away. */
  delete: z.array(z.string()).default([]),
});
export type DtbEdit = z.infer<typeof dtbEdit>;

const qemu = z.strictObject({
  machine: z.string(),
  /** QEMU's -cpu; absent: the machine has a fixed one. */
  cpu: z.string().optional(),
  smp: z.int().positive(),
  memory: z.string().regex(/^\d+[MG]$/),
  /** Further arguments, passed as they are. */
  args: z.array(z.string()).default([]),
  /** Number of UARTs before the console's, each given `-serial null`. */
  skipSerials: z.int().min(0).default(0),
  /** How the image is attached. */
  disk: z.enum(["sd", "virtio"]),
  network: z.enum(["usb", "virtio"]),
  /** Name in the boot partition; absent: QEMU makes its own device tree. */
  dtb: z.string().optional(),
  dtbEdits: z.array(dtbEdit).default([]),
  /** Replaces the `console=` of the image's own command line. */
  console: z.string().optional(),
  /** Added to the image's own command line. */
  append: z.array(z.string()).default([]),
});

const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "a file name without folders");

/** A kernel module's name; `-` and `_` are the same, as they are for modprobe. */
const moduleName = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, "a kernel module's name without .ko");

export const board = z.strictObject({
  format: z.literal(1),
  name,
  title: z.string(),
  arch,
  /** GCC's -mcpu and, where the machine lets one choose, QEMU's -cpu. */
  cpu: z.string(),
  /** Instructions the silicon lacks although QEMU's model of the core has them. */
  lacks: z.array(z.enum(["aes", "pmull", "sha1", "sha2"])).default([]),
  kernel: z.strictObject({
    /** Device trees in the kernel's dtb folder; each goes to the boot partition under its base name. */
    dtbs: z.array(z.string()).default([]),
    /** What the root's device needs, in load order; the file system's own modules follow by themselves. */
    initramfs: z.array(moduleName).default([]),
    /** Loaded after the root is mounted, in this order: network, watchdog, sensors. */
    rootfs: z.array(moduleName).default([]),
    cmdline: z.array(z.string()).default([]),
  }),
  console: z.strictObject({ device: z.string(), baud: z.int().default(115200) }),
  boot: z.strictObject({
    /** Size of the FAT partition. */
    size: size,
    /** Packages that hold firmware. */
    packages: z.array(z.string()).default([]),
    /** Files taken from those packages: path in the package -> name in the boot partition. */
    firmware: z.record(z.string(), fileName).default({}),
    /** Templates in templates/boot/ -> name in the boot partition. */
    templates: z.record(z.string(), fileName).default({}),
    kernel: z.strictObject({ name: fileName, gzip: z.boolean() }),
    initramfs: fileName,
    /** Handed to the templates: the firmware's options as KEY: VALUE. */
    options: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
    /** Handed to the templates: which device tree belongs to which model, general filters first. */
    models: z.array(z.strictObject({ filter: z.string(), dtb: fileName })).default([]),
  }),
  /** The longest time-out in seconds that the watchdog's hardware takes; absent: no watchdog. */
  watchdog: z.int().positive().optional(),
  notes: z.array(z.string()).default([]),
  qemu,
});
export type Board = z.infer<typeof board>;
