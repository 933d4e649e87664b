import { spawnSync } from "node:child_process";
import { copyFile, mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import t from "tap";
import { buildPrepared } from "../../src/api/build/build.js";
import { type BootedBoard, bootImage } from "../../src/device/boot.js";
import type { ConsoleLine } from "../../src/device/console.js";
import { readFat } from "../../src/formats/fat.js";
import { planFatFile } from "../../src/formats/fat-add.js";
import { readPartitions } from "../../src/formats/partitions.js";
import { readAt } from "../../src/ground/read-at.js";
import { quietContext } from "../helpers/context.js";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder, wifiBoard } from "./lab.js";

/**
 * `edgeimg flash` writes a card with settings; its first boot takes them over and removes the file; power is cut; a person puts an
 * ill-formed file onto the card; the second boot says so and keeps what the first one took.
 */
const folder = await scratchFolder("flash");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const project = join(folder, "project");
await mkdir(join(project, "board-configs"), { recursive: true });
// qemu-a72 with a radio: settings for Wi-Fi are refused for an image without.
await copyFile(wifiBoard, join(project, "board-configs/qemu-wifi.yaml"));
await writeFile(
  join(project, "main.ts"),
  'import { env, report } from "edge:process";\nreport("result", { greeting: env.GREETING, other: env.OTHER });\nreport("ready");\n',
);
await writeFile(
  join(project, "edgeimg.yaml"),
  "format: 1\nname: hello\nboard: qemu-wifi\nengine: ncnn\napp: { entry: main.ts, env: { GREETING: image, OTHER: image } }\n",
);
const hasSsh = spawnSync("ssh", ["-V"]).error === undefined && spawnSync("ssh-keygen", ["-?"]).error === undefined;
const keyFile = join(folder, "id_ed25519");
if (hasSsh) await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
else
  await writeFile(
    `${keyFile}.pub`,
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody\n",
  );

const passphrase = "correct horse battery";
const card = join(folder, "card.img");
const began = performance.now();
const flashed = await (async () => {
  const built = await edgeimg(program, ["build", "--json"], { cwd: project });
  if (built.code !== 0) throw new Error(`no image: ${built.stderr}`);
  const words = [
    "flash",
    "--device",
    card,
    "--hostname",
    "reader-7",
    "--ssh-key",
    `${keyFile}.pub`,
    "--set",
    "GREETING=hello card",
  ];
  return await edgeimg(program, [...words, "--wifi", "Home", "--json"], {
    cwd: project,
    env: { EDGEIMG_WIFI_PASSPHRASE: passphrase },
  });
})();
// What boots the card: all of it is in the store by now.
const controller = new AbortController();
const built = await buildPrepared(quietContext(project, { env: process.env, signal: controller.signal }), {
  offline: true,
  locked: true,
});
const workDir = join(folder, "device");

async function boot(kind: "fresh" | "keep"): Promise<BootedBoard> {
  return await bootImage({
    image: card,
    board: built.prepared.request.board,
    qemuRoot: built.qemuRoot,
    workDir,
    httpGuestPort: 22,
    emit: () => {},
    timeoutMs: 300_000,
    signal: controller.signal,
    card: kind,
  });
}

const named = (name: string) => (line: ConsoleLine) => line.milestone?.name === name;

/** The boot partition of the card that the board wrote to. */
async function bootPartition(): Promise<{ offset: number; bytes: Buffer }> {
  const file = await open(join(workDir, "card.img"), "r");
  const { size } = await file.stat();
  const table = await readPartitions((at, length) => readAt(file, at, length), { size, copy: "check" });
  const partition = table?.partitions[0];
  const bytes = Buffer.alloc(partition?.size ?? 0);
  await file.read(bytes, 0, bytes.length, partition?.offset);
  await file.close();
  return { offset: partition?.offset ?? 0, bytes };
}

/** Runs a command on the board. */
async function ssh(port: number | undefined, command: string): Promise<string> {
  const options = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ConnectTimeout=60",
    "IdentitiesOnly=yes",
  ];
  const args = ["-F", "none", "-i", keyFile, "-p", String(port), ...options.flatMap((option) => ["-o", option])];
  for (let tries = 1; ; tries++) {
    const run = await execa("ssh", [...args, "root@127.0.0.1", command], { reject: false, stdin: "ignore" });
    if (run.exitCode === 0 || tries === 20) return run.stdout || run.stderr;
    await sleep(2000);
  }
}

/** What a server on that port says first. */
async function greeting(port: number): Promise<string> {
  for (let tries = 1; ; tries++) {
    const said = await new Promise<string>((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.setTimeout(5000, () => socket.destroy());
      socket.once("data", (bytes) => {
        resolve(bytes.toString());
        socket.destroy();
      });
      socket.once("error", () => resolve(""));
      socket.once("close", () => resolve(""));
    });
    if (said !== "" || tries === 30) return said;
    await sleep(2000);
  }
}

const question =
  "hostname; ls -A /data/edgeimg/settings; stat -c '%a %U' /data/edgeimg/settings /data/edgeimg/settings/wifi; hostname -i; cat /etc/hosts";
const answer =
  /^reader-7\nauthorized_keys\nenv\nhostname\nwifi\n700 root\n600 root\n127\.0\.1\.1\n127\.0\.0\.1 localhost\n127\.0\.1\.1 reader-7\n/;

t.test("the card is written with its settings", async (t) => {
  assertCode(t, flashed, 0);
  t.match(jsonLines(flashed.stdout).at(-1), { command: "flash", settings: true });
  t.ok((await stat(card)).size > 64e6);
  t.ok((await readFile(card)).includes(`wifi-passphrase=${passphrase}`), "WPA3 needs the passphrase itself");
});

t.test("the first boot takes the settings over and removes the file", async (t) => {
  const first = await boot("fresh");
  t.teardown(() => first.stop());
  const settings = await first.waitFor(named("settings"), 240_000);
  t.match(settings.milestone?.fields, {
    state: "applied",
    hostname: "reader-7",
    sshKeys: 1,
    wifi: true,
    variables: ["GREETING"],
  });
  const result = await first.waitFor(named("result"), 240_000);
  t.match(
    result.milestone?.fields,
    { greeting: "hello card", other: "image" },
    "the card's variable wins over the image's",
  );
  t.match(await greeting(first.httpPort ?? 0), /^SSH-2\.0-dropbear/);
  if (hasSsh) t.match(await ssh(first.httpPort, question), answer);
  else t.comment("no ssh client here: only the server's greeting was looked at");
  // As if power went: nothing is shut down.
  await first.stop();
});

t.test("the file is gone from the boot partition, and its bytes too", async (t) => {
  const { offset, bytes } = await bootPartition();
  t.notOk(readFat(bytes).some(({ path }) => path === "edgeimg.txt"));
  t.ok(readFat(bytes).some(({ path }) => path === "Image"));
  t.notOk(bytes.includes(passphrase), "the secret cannot be read from free clusters");
  const name = "EDGEIMG.TXT";
  const content = Buffer.from("hostname=Reader 8\nset.GREETING=other\n");
  const patches = await planFatFile(async (at, length) => bytes.subarray(at, at + length), { name, content });
  const file = await open(join(workDir, "card.img"), "r+");
  for (const { at, bytes: part } of patches) await file.write(part, 0, part.length, offset + at);
  await file.close();
});

t.test("the second boot ignores an ill-formed file and keeps the settings", async (t) => {
  const second = await boot("keep");
  t.teardown(() => second.stop());
  const ignored = await second.waitFor(named("settings"), 240_000);
  t.match(ignored.milestone?.fields, { state: "ignored", file: "edgeimg.txt", line: 1, message: /hostname/ });
  const kept = await second.waitFor((line) => named("settings")(line) && line.index > ignored.index, 60_000);
  t.match(kept.milestone?.fields, {
    state: "kept",
    hostname: "reader-7",
    sshKeys: 1,
    wifi: true,
    variables: ["GREETING"],
  });
  const result = await second.waitFor(named("result"), 240_000);
  t.match(result.milestone?.fields, { greeting: "hello card" });
  if (hasSsh) t.match(await ssh(second.httpPort, question), answer);
});

t.test("the ill-formed file is still there, to be corrected", async (t) => {
  const { bytes } = await bootPartition();
  t.ok(readFat(bytes).some(({ path }) => path === "edgeimg.txt"));
  t.comment(`${Math.round((performance.now() - began) / 1000)} s with build and both boots`);
});
