import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile, open, rm, truncate } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import t, { type Test } from "tap";
import type { Board } from "../../src/catalog/board.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { type CardReader, cardReader, mappedRanges } from "./card-reader.js";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";

/** Cards of boards of each kind, read by programs that are not edgeimg's; one of them booted by U-Boot. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const folder = await scratchFolder("boards");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const project = join(folder, "project");
// EDGEIMG_TEST_BOARDS=NAME,NAME: others that an extlinux.conf starts. The engine is not compiled for each core.
const asked = process.env.EDGEIMG_TEST_BOARDS?.split(",");
const names = ["qemu-gpt", ...(asked ?? ["rockpro64", "nanopi-neo2"])];
const engine = "onnxruntime";
const blob = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index + (index >> 8)) & 0xff));
mkdirSync(join(project, "board-configs"), { recursive: true });
mkdirSync(join(project, "sources"));
cpSync(join(home, "test/fixtures/boards/qemu-gpt.yaml"), join(project, "board-configs/qemu-gpt.yaml"));
writeFileSync(join(project, "sources/any name"), blob);
writeFileSync(join(project, "main.ts"), `import { report } from "edge:process";\nreport("ready", {});\n`);
const { boards } = await loadCatalog(home.replace(/\/$/, ""), project);
writeFileSync(
  join(project, "edgeimg.yaml"),
  `format: 1
name: cards
board: qemu-gpt
engine: ${engine}
app: { entry: main.ts }
image: { compress: false }
matrix: { boards: [${names.join(", ")}] }
supplied: ${JSON.stringify(Object.fromEntries(suppliedBy(names)))}
`,
);
const imageOf = (board: string) => join(project, `out/${board}-${engine}/cards-${board}-${engine}.img`);

let reader: CardReader;
await t.test("the cards are built", async (t) => {
  const built = await edgeimg(program, ["build", "--matrix", "--json"], { cwd: project });
  assertCode(t, built, 0);
  reader = await cardReader(project, "qemu-gpt");
});

for (const name of names) {
  const board = boards.get(name);
  if (board === undefined) throw new Error(`there is no board ${name}`);
  await t.test(`${name}: the card as others read it`, async (t) => await cardIsRight(t, board));
}

async function cardIsRight(t: Test, board: Board): Promise<void> {
  const card = imageOf(board.name);
  const bytes = readFileSync(card);
  const { label, id, partitions } = reader.table(card);
  const [boot, root, data] = partitions;
  if (boot === undefined || root === undefined || data === undefined) throw new Error("it has not three partitions");
  t.equal(partitions.length, 3);
  t.equal(label, board.disk.table === "gpt" ? "gpt" : "dos");
  t.match(reader.verify(card), /No errors detected/);
  t.equal(boot.start, board.disk.start);
  t.equal(boot.size, board.boot.size);
  if (label === "gpt") t.same([boot.name, root.name, data.name], [board.disk.bootName, "root", "data"]);
  else
    t.same(
      partitions.map(({ type, bootable }) => [type, bootable]),
      [
        ["c", true],
        ["83", false],
        ["83", false],
      ],
    );

  await t.test("what lies at fixed places", async (t) => await rawIsRight(t, board, bytes));
  const wanted = label === "gpt" ? root.uuid : `${id}-02`;
  await t.test("the boot partition", async (t) => bootIsRight(t, board, { card, offset: boot.start, root: wanted }));
  await t.test("the root, and the modules of both", async (t) => {
    await modulesAreClosed(t, board, { card, bytes, boot: boot.start, root });
  });
  await t.test("the map of blocks", async (t) => mapIsRight(t, board, bytes));
}

/** Each blob byte for byte as its package has it, which dpkg-deb unpacks. */
async function rawIsRight(t: Test, board: Board, card: Buffer): Promise<void> {
  const packages = join(folder, `packages-${board.name}`);
  if (board.disk.raw.some((one) => one.package !== undefined)) {
    const run = await edgeimg(
      program,
      ["build", "--board", board.name, "--only", `fetch/firmware/${board.name}`, "--json"],
      { cwd: project },
    );
    const debs = String(jsonLines(run.stdout).find((line) => line.command === "build")?.path);
    for (const deb of readdirSync(debs)) execFileSync("dpkg-deb", ["-x", join(debs, deb), packages]);
  }
  for (const { name, offset, package: path } of board.disk.raw) {
    const file = path === undefined ? blob : readFileSync(join(packages, path));
    t.ok(file.length > 100_000, `${name}: ${file.length} bytes`);
    t.ok(card.subarray(offset, offset + file.length).equals(file), `${name} lies at ${offset}`);
    t.ok(offset + file.length <= board.disk.start, `${name} ends before the partitions`);
  }
}

/** The files, and that the loader's file names what is there. */
async function bootIsRight(
  t: Test,
  board: Board,
  { card, offset, root }: { card: string; offset: number; root: string },
) {
  const files = reader.fatFiles(card, offset);
  const trees = board.kernel.dtbs.map((path) => basename(path));
  t.same(
    files,
    ["Image", ...Object.values(board.boot.firmware), board.boot.config, board.boot.initramfs, ...trees].sort(),
  );
  const text = reader.fatFile(card, offset, board.boot.config).toString();
  const values = (key: string) => [...text.matchAll(new RegExp(`^\\s*${key} /?(.*)$`, "gm"))].map(([, value]) => value);
  const [first] = values("label");
  t.same(values("default"), [first]);
  t.same(
    values("fdt"),
    board.boot.models.map(({ dtb }) => dtb),
  );
  for (const path of [...values("kernel"), ...values("initrd"), ...values("fdt")])
    t.ok(files.includes(path ?? ""), `${path} is there`);
  for (const line of values("append")) {
    t.match(line, ` root=PARTUUID=${root} `);
    t.match(line, `console=${board.console.device},${board.console.baud}`);
  }
  t.equal(reader.fatFile(card, offset, "Image").toString("latin1", 0x38, 0x3c), "ARM\x64", "an arm64 kernel");
  for (const tree of trees) {
    const file = join(folder, tree);
    writeFileSync(file, reader.fatFile(card, offset, tree));
    const source = reader.deviceTree(file);
    t.match(source, /^\/ \{/m, tree);
    t.match(source, /stdout-path = /, "it names a console");
  }
}

/** What modules need, as their own files say, is there before them: in the initramfs, then in the root. */
async function modulesAreClosed(
  t: Test,
  board: Board,
  { card, bytes, boot, root }: { card: string; bytes: Buffer; boot: number; root: { start: number; size: number } },
): Promise<void> {
  const work = join(folder, `root-${board.name}`);
  mkdirSync(join(work, "initramfs"), { recursive: true });
  writeFileSync(join(work, "root.img"), bytes.subarray(root.start, root.start + root.size));
  reader.unsquash(join(work, "root.img"), join(work, "root"));
  t.ok(existsSync(join(work, "root/usr/bin/edge-run")));
  t.match(readFileSync(join(work, "root/etc/edgeimg/image.env"), "utf8"), `BOARD='${board.name}'`);
  reader.uncpio(gunzipSync(reader.fatFile(card, boot, board.boot.initramfs)), join(work, "initramfs"));
  const early = lines(join(work, "initramfs/etc/modules"));
  const late = lines(join(work, "root/etc/edgeimg/modules"));
  const nameOf = (file: string) => file.replace(/\.ko.*$/, "").replaceAll("-", "_");
  for (const [folder, list] of [
    [join(work, "initramfs/lib/modules"), early],
    [join(work, "root/usr/lib/modules"), late],
  ] as const)
    t.same(
      list.filter((file) => !existsSync(join(folder, file))),
      [],
      "each module of the list is there",
    );
  const loaded = new Set<string>();
  const missing: string[] = [];
  for (const file of [...early, ...late]) {
    const from = early.includes(file) ? "initramfs/lib/modules" : "root/usr/lib/modules";
    for (const need of reader.needs(join(work, from, file)))
      if (!loaded.has(nameOf(need))) missing.push(`${file} needs ${need}`);
    loaded.add(nameOf(file));
  }
  t.same(missing, [], `${early.length} and ${late.length} modules, each after what it needs`);
  const told = Object.values(board.facts).flatMap((fact) => fact?.drivers ?? []);
  t.same(
    told.filter((driver) => !loaded.has(nameOf(driver))),
    [],
    "each device that the board's file tells of has its driver",
  );
}

/** Every block with anything in it is in the map with its hash, and so is all of what lies at fixed places. */
async function mapIsRight(t: Test, board: Board, card: Buffer): Promise<void> {
  const ranges = mappedRanges(readFileSync(`${imageOf(board.name)}.bmap`, "utf8"));
  t.ok(ranges.length > 2);
  const isMapped = (at: number) => ranges.some(({ start, end }) => at >= start && at < end);
  const zeros = Buffer.alloc(4096);
  const lost: number[] = [];
  for (let at = 0; at < card.length; at += 4096)
    if (!card.subarray(at, at + 4096).equals(zeros.subarray(0, Math.min(4096, card.length - at))) && !isMapped(at))
      lost.push(at);
  t.same(lost, [], "no byte is left out");
  for (const { start, end, sha256: hash } of ranges)
    t.equal(sha256(card.subarray(start, Math.min(end, card.length))), hash, `${start} to ${end}`);
  for (const { offset } of board.disk.raw) t.ok(isMapped(offset));
}

await t.test(
  "U-Boot starts the GPT card, whose data partition fills a larger card; settings take effect",
  async (t) => {
    const card = join(folder, "card.img");
    await copyFile(imageOf("qemu-gpt"), card);
    await truncate(card, 512 * 2 ** 20);
    const before = reader.table(imageOf("qemu-gpt")).partitions;
    const offset = before[0]?.start ?? 0;
    writeFileSync(join(folder, "u-boot.bin"), reader.fatFile(card, offset, "u-boot.bin"));
    writeFileSync(join(folder, "edgeimg.txt"), "hostname=from-card\n");
    const file = await open(card, "r+");
    await file.chmod(0o644);
    await file.close();
    reader.fatPut(card, offset, join(folder, "edgeimg.txt"));
    const qemu = await edgeimg(program, ["build", "--only", "root/tools/qemu", "--json"], { cwd: project });
    const root = join(String(jsonLines(qemu.stdout).find((line) => line.command === "build")?.path), "root/usr");
    const said = await untilReady(root, card);
    t.match(said, /U-Boot 20\d\d\.\d\d/);
    t.match(said, /Retrieving file: \/Image/, "extlinux.conf was read");
    t.match(said, /"edgeimg":"settings",.*"state":"applied","hostname":"from-card"/);
    t.match(said, /"edgeimg":"data",.*"state":"created"/);
    t.match(reader.verify(card), /No errors detected/, "header, copy and checksums are right");
    const after = reader.table(card).partitions;
    t.same(after.slice(0, 2), before.slice(0, 2));
    t.match(after[2], { start: before[2]?.start, uuid: before[2]?.uuid });
    const end = (after[2]?.start ?? 0) + (after[2]?.size ?? 0);
    t.ok(end > 507 * 2 ** 20 && end < 512 * 2 ** 20 - 33 * 512, `data ends at ${end}`);
  },
);

/** What the console said until the app was ready, or the time was over. */
async function untilReady(root: string, card: string): Promise<string> {
  const args = [
    ...["-L", join(root, "share/qemu"), "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "1G"],
    ...["-bios", join(folder, "u-boot.bin"), "-drive", `if=none,id=card,format=raw,file=${card}`],
    ...["-device", "virtio-blk-device,drive=card", "-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net"],
    ...["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"],
  ];
  const child = spawn(join(root, "bin/qemu-system-aarch64"), args, { stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), 300_000);
  let text = "";
  const take = (chunk: Buffer) => {
    text += chunk.toString("utf8");
    if (/"edgeimg":"ready"/.test(text)) child.kill("SIGTERM");
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  return text;
}

/** The same bytes stand for every file that a user has to bring: where they lie is looked at, and nobody runs them. */
function suppliedBy(boardNames: readonly string[]): [string, string][] {
  return boardNames.flatMap((name) =>
    (boards.get(name)?.disk.raw ?? []).flatMap(({ supplied }): [string, string][] =>
      supplied === undefined ? [] : [[supplied.purl, sha256(blob)]],
    ),
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function lines(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
