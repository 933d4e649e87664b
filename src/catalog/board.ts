import * as z from "../ground/zod.js";
import { boardFacts, proven } from "./board-facts.js";
import { accelerator, arch, moduleName, name, size } from "./common.js";
import { disk } from "./disk.js";
import { extension } from "./dispatch.js";
import { radio } from "./wifi.js";

/** Values of device-tree properties: strings, or 32-bit cells. */
const dtbValues = z.record(z.string(), z.union([z.string(), z.array(z.int().min(0).max(0xffffffff))]));

/** A change to a device tree before QEMU gets it: what the emulated machine lacks. */
const dtbEdit = z.strictObject({
  node: z.string().startsWith("/").describe("Full path of the node, `/soc/i2c@7ef04500`."),
  create: z
    .boolean()
    .default(false)
    .describe("Makes the node when it is missing; without this a missing node is an error."),
  set: dtbValues.default({}).describe("Properties to set: a text, or a list of 32-bit numbers."),
  delete: z.array(z.string()).default([]).describe("Names of properties to take away."),
});
export type DtbEdit = z.infer<typeof dtbEdit>;

const qemu = z.strictObject({
  machine: z.string().describe("QEMU's -machine."),
  cpu: z.string().optional().describe("QEMU's -cpu; absent: the machine has a fixed one."),
  smp: z.int().positive().describe("Number of cores."),
  memory: z
    .string()
    .regex(/^\d+[MG]$/)
    .describe("Memory, such as 2G."),
  args: z.array(z.string()).default([]).describe("Further arguments, passed as they are."),
  skipSerials: z.int().min(0).default(0).describe("Number of UARTs before the console's, each given `-serial null`."),
  disk: z.enum(["sd", "virtio"]).describe("How the image is attached."),
  sdBus: z.int().min(0).max(7).default(0).describe("Of a machine with several SD controllers: the one with the card."),
  network: z
    .enum(["usb", "virtio", "own"])
    .describe("The network card that the machine gets, or `own`: it has one that is used."),
  dtb: z.string().optional().describe("Name in the boot partition; absent: QEMU makes its own device tree."),
  dtbEdits: z
    .array(dtbEdit)
    .default([])
    .describe("Changes to the device tree that QEMU gets; the image's own stays as it is."),
  console: z.string().optional().describe("Replaces the `console=` of the image's own command line."),
  append: z.array(z.string()).default([]).describe("Added to the image's own command line."),
});

const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "a file name without folders");

/** A path within the boot partition. */
const bootPath = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/, "a path without .. in the boot partition");

const buildroot = z.strictObject({
  cpu: z
    .string()
    .regex(/^BR2_[A-Za-z0-9_]+$/)
    .optional()
    .describe("Symbol of the core; absent: BR2_ and `cpu` with underscores."),
  kernel: z
    .strictObject({
      config: z
        .string()
        .optional()
        .describe("A kernel configuration in the Buildroot tree; absent: the architecture's defconfig."),
      options: z
        .array(z.string().regex(/^CONFIG_[A-Za-z0-9_]+=[^"\n]*$/, "CONFIG_NAME=value"))
        .default([])
        .describe("Lines of the board's kernel fragment; `=n` switches off."),
    })
    .prefault({}),
  options: z
    .record(z.string().regex(/^BR2_[A-Za-z0-9_]+$/), z.union([z.boolean(), z.string()]))
    .default({})
    .describe("Further lines of the defconfig."),
  trustedFirmware: z
    .boolean()
    .default(false)
    .describe("Whether Trusted Firmware is built; its version is the long-term one of the Buildroot release."),
  firmware: z
    .string()
    .optional()
    .describe("Folder in Buildroot's images where a package puts the files of `boot.firmware`."),
});

/** What starts a kernel; src/image/boot-kinds.ts has what each kind is given. */
export const bootKind = z.enum(["raspberry-pi", "extlinux"]);
export type BootKind = z.infer<typeof bootKind>;

export const board = z.strictObject({
  format: z.literal(1).describe("Version of this file's format."),
  name: name.describe("The name for --board, and the file's."),
  title: z.string().describe("What people call the board, with the relatives that the image also starts."),
  arch: arch.describe("Debian's name of the architecture."),
  cpu: z.string().describe("GCC's -mcpu and, where the machine lets one choose, QEMU's -cpu."),
  lacks: z
    .array(extension)
    .default([])
    .describe(
      "Extensions of the instruction set that the silicon lacks although the core may have them, and QEMU's model of it has.",
    ),
  has: z
    .array(extension)
    .default([])
    .describe(
      "Extensions of the instruction set beyond those that edgeimg knows of the core: for cores that it does not know.",
    ),
  accelerators: z
    .array(accelerator)
    .default([])
    .describe(
      "Processors beside the core that the image's kernel drives, such as `cuda`: engines that need one run on no other board.",
    ),
  kernel: z.strictObject({
    dtbs: z
      .array(z.string())
      .default([])
      .describe("Device trees in the kernel's dtb folder; each goes to the boot partition under its base name."),
    initramfs: z
      .array(moduleName)
      .default([])
      .describe(
        "Drivers of the root's device. What they need, and the file system's own modules, follow by themselves.",
      ),
    rootfs: z
      .array(moduleName)
      .default([])
      .describe(
        "Drivers that are loaded after the root is mounted, in this order, each after what it needs: network, watchdog, sensors.",
      ),
    cmdline: z.array(z.string()).default([]).describe("Further kernel arguments."),
  }),
  console: z
    .strictObject({
      device: z.string().describe("The kernel's name of the port, such as ttyS1."),
      baud: z.int().default(115200).describe("Bits a second."),
    })
    .describe("The serial console."),
  boot: z.strictObject({
    size: size.describe("Size of the FAT partition."),
    packages: z.array(z.string()).default([]).describe("Packages that hold firmware."),
    firmware: z
      .record(z.string(), fileName)
      .default({})
      .describe("Files taken from those packages: path in the package -> name in the boot partition."),
    kind: bootKind.describe(
      "What starts the kernel: the Raspberry Pi's firmware, which reads config.txt, or a loader that reads an extlinux.conf, such as U-Boot.",
    ),
    config: bootPath
      .default("extlinux/extlinux.conf")
      .describe("Where the loader of the kind `extlinux` looks for its file."),
    kernel: z
      .strictObject({
        name: fileName.describe("File name that the firmware looks for."),
        gzip: z.boolean().describe("Whether the firmware unpacks gzip."),
      })
      .describe("The kernel in the boot partition."),
    initramfs: fileName.describe("File name of the initramfs in the boot partition."),
    options: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .default({})
      .describe("The firmware's options in config.txt, as KEY: VALUE."),
    models: z
      .array(
        z.strictObject({
          filter: z
            .string()
            .regex(/^[a-z0-9][a-z0-9+-]*$/, "lower-case letters, digits, + and -")
            .describe("The firmware's name of the model, such as pi4; for extlinux the entry's label."),
          dtb: fileName.describe("Its device tree."),
        }),
      )
      .default([])
      .describe(
        "Which device tree belongs to which model, general filters first. In extlinux.conf each is an entry, of which the first is started.",
      ),
  }),
  disk: disk.prefault({}).describe("The card: its partition table, and what lies outside of the partitions."),
  wifi: radio.optional().describe("The board's Wi-Fi; absent: images have none."),
  watchdog: z
    .int()
    .positive()
    .optional()
    .describe("The longest time-out in seconds that the watchdog's hardware takes; absent: no watchdog."),
  imagerTags: z
    .array(name)
    .default([])
    .describe(
      "Raspberry Pi Imager's tags of the boards that the image starts, such as pi4-64bit; empty: no manifest for Imager is written.",
    ),
  proven: proven.optional().describe("How far the board's image is proven; absent: nobody said."),
  facts: boardFacts
    .default({})
    .describe(
      "What is known of the board, where it comes from and how far it is proven: boot, console, storage, network, watchdog, cpufreq, thermal, random.",
    ),
  notes: z.array(z.string()).default([]).describe("What a user of the board should know."),
  qemu: qemu.describe("How the board is emulated."),
  buildroot: buildroot.optional().describe("What Buildroot must know beyond the rest of this file."),
});
export type Board = z.infer<typeof board>;
