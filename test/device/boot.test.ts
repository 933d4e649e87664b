import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import t, { type Test } from "tap";
import { board as boardSchema } from "../../src/catalog/board.js";
import { type BootOptions, bootImage } from "../../src/device/boot.js";
import type { ConsoleLine } from "../../src/device/console.js";
import { planFatFile } from "../../src/formats/fat-add.js";
import type { BuildEvent } from "../../src/ground/events.js";

const board = boardSchema.parse({
  format: 1,
  name: "toy",
  title: "Toy",
  arch: "arm64",
  cpu: "cortex-a53",
  kernel: {},
  console: { device: "ttyAMA0" },
  boot: { kind: "raspberry-pi", size: "1MiB", kernel: { name: "kernel8.img", gzip: false }, initramfs: "initramfs.gz" },
  qemu: { machine: "virt", smp: 1, memory: "64M", disk: "virtio", network: "virtio", append: ["panic=-1"] },
});

/** A program in QEMU's place: what is tested here is how it is started, watched and ended. */
function fake(
  t: Test,
  script: string,
  over: Partial<BootOptions> = {},
): BootOptions & { readonly events: BuildEvent[] } {
  const folder = t.testdir();
  const events: BuildEvent[] = [];
  mkdirSync(join(folder, "qemu/usr/bin"), { recursive: true });
  const program = join(folder, "qemu/usr/bin/qemu-system-aarch64");
  writeFileSync(
    program,
    `#!${process.execPath}\nconst args = process.argv.slice(2);\nconst say = (...lines) => process.stdout.write(lines.map((line) => line + "\\n").join(""));\nconst value = (name) => args[args.indexOf(name) + 1];\n${script}\n`,
  );
  chmodSync(program, 0o755);
  // Node takes a file without an ending for what the next package.json says, which would be the project's.
  writeFileSync(join(folder, "qemu/usr/bin/package.json"), '{ "type": "commonjs" }');
  const image = join(folder, "sd.img");
  writeFileSync(image, makeImage());
  return {
    image,
    board,
    qemuRoot: join(folder, "qemu"),
    workDir: join(folder, "run"),
    httpGuestPort: 80,
    emit: (event) => events.push(event),
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    card: "fresh",
    ...over,
    events,
  };
}

const fat = brotliDecompressSync(readFileSync(new URL("../fixtures/fat/fat12.img.br", import.meta.url)));
const content = Buffer.from("[all]\nkernel=kernel8.img\ninitramfs initramfs.gz followkernel\n");
const read = async (at: number, length: number) => fat.subarray(at, at + length);
for (const { at, bytes } of await planFatFile(read, { name: "CONFIG.TXT", content })) fat.set(bytes, at);

/** An MBR and one FAT partition at 4 KiB. */
function makeImage(): Uint8Array {
  const image = new Uint8Array(4096 + fat.length);
  const view = new DataView(image.buffer);
  image.set([0x55, 0xaa], 510);
  view.setUint8(450, 0x0c);
  view.setUint32(454, 8, true);
  view.setUint32(458, fat.length / 512, true);
  image.set(fat, 4096);
  return image;
}

const is = (name: string) => (line: ConsoleLine) => line.milestone?.name === name;

t.test("the machine gets what the image holds, and its lines become events", async (t) => {
  const options = fake(
    t,
    `say("noise", '{"edgeimg":"boot","append":' + JSON.stringify(value("-append")) + ',"initrd":' + JSON.stringify(require("fs").readFileSync(value("-initrd"), "utf8")) + "}");
     process.stdin.on("data", (bytes) => { say('{"edgeimg":"typed","text":' + JSON.stringify(bytes.toString()) + "}"); process.exit(0); });`,
  );
  const machine = await bootImage(options);
  const line = await machine.waitFor(is("boot"), 20_000);
  t.equal(line.milestone?.fields.append, "console=ttyAMA0,115200 root=PARTUUID=0000beef-02 ro panic=-1 edgeimg.qemu");
  t.equal(line.milestone?.fields.initrd, "initramfs\n");
  machine.write("hello\n");
  t.equal((await machine.waitFor(is("typed"), 20_000)).milestone?.fields.text, "hello\n");
  t.same(await machine.exited, { reason: "ended" });
  const texts: string[] = [];
  for await (const { text } of machine.lines) texts.push(text.slice(0, 16));
  t.same(texts, ["noise", '{"edgeimg":"boot', '{"edgeimg":"type']);
  t.same(
    options.events.map(({ type }) => type),
    ["console", "console", "milestone", "console", "milestone"],
  );
  t.equal(statSync(join(options.workDir, "card.img")).size, 2 ** 20, "a power of two, larger than the image");
  t.same(readFileSync(options.image), Buffer.from(makeImage()), "the image is as it was");
});

t.test("a kept card keeps what was written to it", async (t) => {
  const script = `const fs = require("fs"); const card = /file=([^, ]*)/.exec(args.join(" "))[1];
    const fd = fs.openSync(card, "r+"); const one = Buffer.alloc(1); fs.readSync(fd, one, 0, 1, 1000000);
    say('{"edgeimg":"count","n":' + one[0] + "}"); one[0]++; fs.writeSync(fd, one, 0, 1, 1000000);`;
  const options = fake(t, script);
  const counts: unknown[] = [];
  for (const card of ["fresh", "keep", "keep", "fresh"] as const) {
    const machine = await bootImage({ ...options, card });
    counts.push((await machine.waitFor(is("count"), 20_000)).milestone?.fields.n);
    await machine.exited;
  }
  t.same(counts, [0, 1, 2, 0]);
});

t.test("the forwarded port is free and stands in the arguments", async (t) => {
  const options = fake(
    t,
    `const port = Number(/hostfwd=tcp:127.0.0.1:(\\d+)-:80/.exec(args.join(" "))[1]);
     require("net").createServer((socket) => socket.end("hi")).listen(port, "127.0.0.1", () => say('{"edgeimg":"http"}'));`,
  );
  const machine = await bootImage(options);
  await machine.waitFor(is("http"), 20_000);
  const answer = await new Promise<string>((resolve, reject) => {
    connect(machine.httpPort ?? 0, "127.0.0.1")
      .once("data", (bytes) => resolve(bytes.toString()))
      .once("error", reject);
  });
  t.equal(answer, "hi");
  await machine.stop();
  t.same(await machine.exited, { reason: "stopped" });
});

t.test("another port is tried when QEMU finds the first one taken", async (t) => {
  const options = fake(
    t,
    `const fs = require("fs"); const file = process.env.TMPDIR + "/tries"; fs.appendFileSync(file, "x");
     if (fs.statSync(file).size < 3) { process.stderr.write("qemu: Could not set up host forwarding rule 'tcp:...'\\n"); process.exit(1); }
     say('{"edgeimg":"ready"}'); setTimeout(() => {}, 60000);`,
  );
  const machine = await bootImage(options);
  await machine.waitFor(is("ready"), 20_000);
  t.equal(readFileSync(join(options.workDir, "tries"), "utf8"), "xxx");
  await machine.stop();
});

t.test("a QEMU that refuses its arguments is an error with its message", async (t) => {
  const options = fake(t, `process.stderr.write("qemu: unsupported machine\\nuse -machine help\\n"); process.exit(1);`);
  await t.rejects(bootImage(options), {
    code: "ERR_EDGEIMG_DEVICE_START",
    details: ["qemu: unsupported machine", "use -machine help"],
  });
  await t.rejects(bootImage({ ...options, qemuRoot: join(options.qemuRoot, "none") }), {
    code: "ERR_EDGEIMG_DEVICE_START",
  });
});

t.test("waiting ends by time, by the machine's end, by the run's time and by an abort", async (t) => {
  const silent = `say("one", "two"); setTimeout(() => {}, 60000);`;
  const machine = await bootImage(fake(t, silent));
  await t.rejects(machine.waitFor(is("never"), 300), { code: "ERR_EDGEIMG_DEVICE_TIMEOUT", details: ["one", "two"] });
  await machine.stop();
  await t.rejects(machine.waitFor(is("never"), 20_000), { code: "ERR_EDGEIMG_DEVICE_ENDED" });

  const short = await bootImage(fake(t, silent, { timeoutMs: 500 }));
  await t.rejects(short.waitFor(is("never"), 20_000), { code: "ERR_EDGEIMG_DEVICE_TIMEOUT" });
  t.same(await short.exited, { reason: "timeout" });

  const controller = new AbortController();
  const aborted = await bootImage(fake(t, silent, { signal: controller.signal }));
  const waiting = aborted.waitFor(is("never"), 20_000);
  controller.abort();
  await t.rejects(waiting, { code: "ERR_EDGEIMG_INTERRUPTED" });

  const ended = await bootImage(fake(t, `say("[ 1.0] Kernel panic");`));
  await t.rejects(ended.waitFor(is("never"), 20_000), {
    code: "ERR_EDGEIMG_DEVICE_ENDED",
    details: ["[ 1.0] Kernel panic"],
  });
});

t.test("a QEMU that ignores being asked to end is killed", async (t) => {
  const machine = await bootImage(fake(t, `process.on("SIGTERM", () => {}); say("up"); setInterval(() => {}, 1000);`));
  await machine.waitFor(({ text }) => text === "up", 20_000);
  await machine.stop();
  t.same(await machine.exited, { reason: "stopped" });
});

t.test("what is no image of ours is refused", async (t) => {
  const options = fake(t, "");
  const other = join(options.qemuRoot, "other.img");
  writeFileSync(other, new Uint8Array(100_000));
  await t.rejects(bootImage({ ...options, image: other }), {
    code: "ERR_EDGEIMG_IMAGE_INVALID",
    message: /no partition table/,
  });
  await t.rejects(bootImage({ ...options, image: `${other}.none` }), { code: "ERR_EDGEIMG_IMAGE_INVALID" });
  const otherKind = { ...board, boot: { ...board.boot, kind: "extlinux" as const } };
  await t.rejects(bootImage({ ...options, board: otherKind }), {
    code: "ERR_EDGEIMG_IMAGE_INVALID",
    message: /holds no extlinux\/extlinux\.conf/,
  });
  const otherTree = { ...board, qemu: { ...board.qemu, dtb: "other.dtb" } };
  await t.rejects(bootImage({ ...options, board: otherTree }), {
    code: "ERR_EDGEIMG_IMAGE_INVALID",
    message: /to start no kernel with other\.dtb/,
  });
});
