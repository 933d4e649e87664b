import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { board as boardSchema } from "../../src/catalog/board.js";
import { readEntry } from "../../src/catalog/catalog.js";
import { type CardWrites, cardSize, machineArguments, machineCmdline } from "../../src/device/machine.js";

const folder = fileURLToPath(new URL("../../board-configs", import.meta.url));
const boards = await Promise.all(readdirSync(folder).map((file) => readEntry(boardSchema, `${folder}/${file}`)));

/** QEMU's whole command line for each board, words joined. */
const standIn = (core: string): readonly string[] => [
  `-L Q -M virt -cpu ${core} -smp 2 -m 1G`,
  "-display none -audiodev none,id=silent -monitor none",
  "-serial stdio -no-reboot -kernel K -initrd I",
  "-append root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet console=ttyAMA0 panic=-1 edgeimg.qemu",
  "-drive if=none,id=card,format=raw,file=a,,b.img -device virtio-blk-device,drive=card",
  "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device virtio-net-device,netdev=net",
];
const golden: Readonly<Record<string, readonly string[]>> = {
  "imx8mp-evk": [
    "-L Q -M imx8mp-evk -smp 4 -m 2G",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial null -serial stdio -no-reboot -kernel K -initrd I -dtb D",
    "-append console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet panic=-1 edgeimg.qemu",
    "-drive if=sd,bus=1,format=raw,file=a,,b.img",
    "-nic user,hostfwd=tcp:127.0.0.1:4711-:80",
  ],
  "jetson-nano": standIn("cortex-a57"),
  "khadas-vim3": standIn("cortex-a72"),
  "ls1046a-rdb": standIn("cortex-a72"),
  macchiatobin: standIn("cortex-a72"),
  "nanopi-m4": standIn("cortex-a72"),
  "nanopi-neo2": standIn("cortex-a53"),
  "orangepi-one-plus": standIn("cortex-a53"),
  "orangepi-zero3": standIn("cortex-a53"),
  "pine64-plus": standIn("cortex-a53"),
  "pinebook-pro": standIn("cortex-a72"),
  "rock-pi-4": standIn("cortex-a72"),
  rockpro64: standIn("cortex-a72"),
  "qemu-a53": [
    "-L Q -M virt -cpu cortex-a53 -smp 2 -m 1G",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial stdio -no-reboot -kernel K -initrd I",
    "-append console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet panic=-1 edgeimg.qemu",
    "-drive if=none,id=card,format=raw,file=a,,b.img -device virtio-blk-device,drive=card",
    "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device virtio-net-device,netdev=net",
  ],
  "qemu-a72": [
    "-L Q -M virt -cpu cortex-a72 -smp 2 -m 1G",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial stdio -no-reboot -kernel K -initrd I",
    "-append console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet panic=-1 edgeimg.qemu",
    "-drive if=none,id=card,format=raw,file=a,,b.img -device virtio-blk-device,drive=card",
    "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device virtio-net-device,netdev=net",
  ],
  rpi3: [
    "-L Q -M raspi3b -smp 4 -m 1G",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial null -serial stdio -no-reboot -kernel K -initrd I -dtb D",
    "-append console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet panic=-1 edgeimg.qemu",
    "-drive if=sd,format=raw,file=a,,b.img",
    "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device usb-net,netdev=net",
  ],
  "rpi-zero2w": [
    "-L Q -M raspi3b -smp 4 -m 1G",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial null -serial stdio -no-reboot -kernel K -initrd I -dtb D",
    "-append console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet panic=-1 edgeimg.qemu",
    "-drive if=sd,format=raw,file=a,,b.img",
    "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device usb-net,netdev=net",
  ],
  rpi4: [
    "-L Q -M raspi4b -smp 4 -m 2G -accel tcg,thread=single",
    "-display none -audiodev none,id=silent -monitor none",
    "-serial stdio -no-reboot -kernel K -initrd I -dtb D",
    "-append root=PARTUUID=edce0001-02 rootfstype=squashfs ro quiet console=ttyAMA0,115200 panic=-1 edgeimg.qemu",
    "-drive if=sd,format=raw,file=a,,b.img",
    "-netdev user,id=net,hostfwd=tcp:127.0.0.1:4711-:80 -device usb-net,netdev=net",
  ],
};

for (const board of boards) {
  t.test(board.name, async (t) => {
    const args = machineArguments(board, {
      kernel: "K",
      initrd: "I",
      dtb: board.qemu.dtb === undefined ? undefined : "D",
      card: "a,b.img",
      cmdline: "console=ttyS1,115200 root=PARTUUID=edce0001-02 rootfstype=squashfs ro panic=10 quiet",
      dataFolder: "Q",
      forwards: [{ hostPort: 4711, guestPort: 80 }],
    });
    t.equal(args.join(" "), golden[board.name]?.join(" "));
  });
}

t.test("QEMU's words replace those of the image with the same key", async (t) => {
  const qemu = { console: "ttyAMA0,115200", append: ["panic=-1", "loglevel=7"] };
  t.equal(
    machineCmdline(" console=ttyS1 console=tty0  ro panic=10 x.panic=1 quiet\n", qemu),
    "ro x.panic=1 quiet console=ttyAMA0,115200 panic=-1 loglevel=7 edgeimg.qemu",
  );
  t.equal(
    machineCmdline("console=ttyS1 edgeimg.qemu", { console: undefined, append: [] }),
    "console=ttyS1 edgeimg.qemu",
  );
});

t.test("without a port nothing is forwarded", async (t) => {
  const board = boards.find(({ name }) => name === "rpi4");
  if (board === undefined) return t.fail("no boards");
  const args = machineArguments(board, {
    kernel: "K",
    initrd: "I",
    dtb: undefined,
    card: "C",
    cmdline: "",
    dataFolder: "Q",
    forwards: [],
  });
  t.ok(args.includes("user,id=net"));
  t.notOk(args.includes("-dtb"));
});

t.test("what the board writes to its card can be logged, or forgotten", async (t) => {
  const drive = (name: string, cardWrites?: CardWrites) => {
    const board = boards.find((one) => one.name === name);
    if (board === undefined) throw new Error(`no board ${name}`);
    const args = machineArguments(board, {
      kernel: "K",
      initrd: "I",
      dtb: undefined,
      card: "a,b.img",
      cardWrites,
      cmdline: "",
      dataFolder: "Q",
      forwards: [],
    });
    return args[args.indexOf("-drive") + 1];
  };
  const log = (file: string) =>
    `driver=blklogwrites,file.driver=file,file.filename=a,,b.img,log.driver=file,log.filename=${file},log-sector-size=512`;
  t.equal(drive("qemu-a72", { kind: "log", file: "l,l" }), `if=none,id=card,${log("l,,l")}`);
  t.equal(drive("rpi3", { kind: "log", file: "l" }), `if=sd,${log("l")}`);
  t.equal(drive("qemu-a72", { kind: "forget" }), "if=none,id=card,format=raw,file=a,,b.img,snapshot=on");
  t.equal(drive("rpi3", { kind: "forget" }), "if=sd,format=raw,file=a,,b.img,snapshot=on");
  t.equal(drive("rpi3", { kind: "keep" }), drive("rpi3"));
});

t.test("a card is a power of two and larger than its image", async (t) => {
  t.equal(cardSize(1), 2 ** 20);
  t.equal(cardSize(2 ** 27 - 1), 2 ** 27);
  t.equal(cardSize(2 ** 27), 2 ** 28);
  t.equal(cardSize(3 * 2 ** 30), 2 ** 32);
});
