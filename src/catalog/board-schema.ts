import { z } from "zod";
import { arch, name, size } from "./common.js";

/** A change to a device tree before QEMU gets it: what the emulated machine lacks. */
const dtbEdit = z.union([
  z.strictObject({ node: z.string(), set: z.record(z.string(), z.union([z.string(), z.array(z.int())])) }),
  z.strictObject({ node: z.string(), delete: z.array(z.string()) }),
  z.strictObject({ node: z.string(), create: z.literal(true), set: z.record(z.string(), z.union([z.string(), z.array(z.int())])) }),
]);

const qemu = z.strictObject({
  machine: z.string(),
  cpu: z.string().optional(),
  smp: z.int().positive(),
  memory: z.string(),
  args: z.array(z.string()).default([]),
  /** Number of UARTs before the console's, each given `-serial null`. */
  skipSerials: z.int().min(0).default(0),
  /** How the image is attached. */
  disk: z.enum(["sd", "virtio"]),
  network: z.enum(["usb", "virtio"]),
  /** Path in the boot partition; absent: QEMU makes its own device tree. */
  dtb: z.string().optional(),
  dtbEdits: z.array(dtbEdit).default([]),
  /** Kernel arguments added, and taken away, under QEMU. */
  append: z.array(z.string()).default([]),
  console: z.string().optional(),
});

export const board = z.strictObject({
  format: z.literal(1),
  name,
  title: z.string(),
  arch,
  /** GCC's -mcpu and QEMU's -cpu. */
  cpu: z.string(),
  /** Instructions the silicon lacks although QEMU's model of the core has them. */
  lacks: z.array(z.enum(["aes", "pmull", "sha1", "sha2"])).default([]),
  kernel: z.strictObject({
    dtbs: z.array(z.string()).default([]),
    /** Module names in load order. */
    initramfs: z.array(z.string()).default([]),
    /** Loaded after the root is mounted: network, watchdog. */
    rootfs: z.array(z.string()).default([]),
    cmdline: z.array(z.string()).default([]),
  }),
  console: z.strictObject({ device: z.string(), baud: z.int().default(115200) }),
  boot: z.strictObject({
    /** Partition label and size of the FAT partition. */
    size: size,
    /** Packages that hold firmware, and files taken from them to the boot partition: path in package -> name. */
    packages: z.array(z.string()).default([]),
    firmware: z.record(z.string(), z.string()).default({}),
    /** Templates in templates/boot/ rendered into the boot partition: template -> name. */
    templates: z.record(z.string(), z.string()).default({}),
    kernel: z.strictObject({ name: z.string(), gzip: z.boolean() }),
    initramfs: z.string(),
  }),
  watchdog: z.boolean().default(false),
  notes: z.array(z.string()).default([]),
  qemu,
});
export type Board = z.infer<typeof board>;
