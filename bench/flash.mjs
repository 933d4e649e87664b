// How fast images get onto a target, and with how much memory, in one run on this machine:
//   npm run build && node bench/flash.mjs [--runs 3] [--folder DIR] [--only TARGET]
// `edgeimg flash`, bmaptool (Debian's bmap-tools, or EDGEIMG_BMAPTOOL="python3 /path/bmaptool"; with its hashes and without) and dd
// write the same images to the same target: a plain file and, where the machine has them, a loop device on a file of this run, also
// slowed down to what a card takes (cgroup v1's block throttling, which needs root). Images are as a build makes them: a FAT and a
// root partition whose blocks hold what cannot be compressed, and an empty data partition.
// Writes its tables into docs/benchmarks.md, unless only targets whose names begin so were asked for. Times are medians of wall-clock
// seconds until everything is on the medium (synced).
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatBmap } from "../dist/formats/bmap.js";
import { writeSection } from "./section.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    folder: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const program = fileURLToPath(new URL("../dist/bundle/main.js", import.meta.url));
const folder = mkdtempSync(join(values.folder ?? tmpdir(), "edgeimg-flash-"));
const mib = 1 << 20;
/** Of the bundled example's image 29 % of the blocks are mapped. */
const share = 0.29;
const sizes = [1024, 3072];
/** Bytes a second that a good card takes: class V30 of the SD Speed Class is 30 MB/s. */
const cardSpeed = 30e6;
const throttle = "/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device";

const bmaptool = findBmaptool();

/** A disk with an MBR, partitions at 4 MiB and behind the data, and its block map. */
function makeImage(size) {
  const path = join(folder, `disk-${size}.img`);
  const end = 4 + Math.floor(size * share);
  const file = openSync(path, "w");
  truncateSync(path, size * mib);
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16, size % 251));
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(mib);
  for (let at = 4; at < end; at++) {
    const bytes = cipher.update(zeros);
    hash.update(bytes);
    writeSync(file, bytes, 0, mib, at * mib);
  }
  const sector = Buffer.alloc(4096);
  for (const [index, from, to] of [
    [0, 4, end],
    [1, end, size],
  ]) {
    sector[446 + 16 * index + 4] = 0x83;
    sector.writeUInt32LE((from * mib) / 512, 446 + 16 * index + 8);
    sector.writeUInt32LE(((to - from) * mib) / 512, 446 + 16 * index + 12);
  }
  sector.writeUInt16LE(0xaa55, 510);
  writeSync(file, sector, 0, 4096, 0);
  closeSync(file);
  const ranges = [
    { first: 0, last: 0, sha256: createHash("sha256").update(sector).digest("hex") },
    { first: 4 * 256, last: end * 256 - 1, sha256: hash.digest("hex") },
    { first: end * 256, last: (end + 1) * 256 - 1, sha256: createHash("sha256").update(zeros).digest("hex") },
  ];
  writeFileSync(`${path}.bmap`, formatBmap({ imageSize: size * mib, blockSize: 4096, ranges }));
  return { path, size, mapped: ranges.reduce((sum, { first, last }) => sum + (last - first + 1) * 4096, 0) };
}

function findBmaptool() {
  const words = process.env.EDGEIMG_BMAPTOOL?.split(" ") ?? ["bmaptool"];
  const run = spawnSync(words[0], [...words.slice(1), "--version"], { encoding: "utf8" });
  return run.status === 0 ? { words, version: (run.stdout || run.stderr).trim() } : undefined;
}

/** Node reads a company's certificates before all else, in some 30 ms; that is the machine's, and flashing asks no network. */
const { NODE_EXTRA_CA_CERTS: _, ...others } = process.env;
const environment = { ...others, CI: "true" };

/** Runs a program to its end; gives seconds, its output and the most memory it had, in bytes. */
async function measure(words) {
  execFileSync("sync");
  const began = performance.now();
  const child = spawn(words[0], words.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  let stdout = "";
  let stderr = "";
  let peak = 0;
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const timer = setInterval(() => {
    try {
      const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      peak = Math.max(peak, Number(kib ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 20);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${words.join(" ")}: exit ${code}\n${stderr}${stdout.slice(-2000)}`);
  return { seconds: (performance.now() - began) / 1000, stdout, peak };
}

async function copy(image, target, options) {
  const bmap = `${image.replace(/\.zst$/, "")}.bmap`;
  const run = await measure([...bmaptool.words, "copy", ...options, "--bmap", bmap, image, target]);
  return { ...run, written: run.seconds };
}

const tools = {
  edgeimg: async (image, target) => {
    const run = await measure([process.execPath, program, "flash", image, "--device", target, "--yes", "--json"]);
    const result = run.stdout
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))
      .at(-1);
    // The whole run reads back as well; the others do not.
    return { ...run, written: run.seconds - result.verifyMs / 1000, verified: run.seconds };
  },
  bmaptool: (image, target) => copy(image, target, []),
  // As edgeimg does until all is written: no hashes on the way.
  "bmaptool --no-verify": (image, target) => copy(image, target, ["--no-verify"]),
  dd: async (image, target) => {
    const run = await measure(["dd", `if=${image}`, `of=${target}`, "bs=4M", "conv=fsync,notrunc", "status=none"]);
    return { ...run, written: run.seconds };
  },
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Every tool in turn, again and again: what slows the machine down for a while slows all of them. */
async function compare(image, target, names) {
  const seen = Object.fromEntries(names.map((name) => [name, []]));
  for (let run = 0; run < runs; run++) for (const name of names) seen[name].push(await tools[name](image, target));
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        written: median(seen[name].map((one) => one.written)),
        verified: median(seen[name].map((one) => one.verified ?? Number.NaN)),
        peak: Math.max(...seen[name].map((one) => one.peak)),
      },
    ]),
  );
}

function attach(file) {
  const run = spawnSync("losetup", ["--find", "--show", file], { encoding: "utf8" });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

/** Limits writes to a device of this run; 0 takes the limit away. False where the machine has no such limits. */
function limit(device, bytesPerSecond) {
  if (!existsSync(throttle)) return false;
  const { rdev } = statSync(device);
  const major = ((rdev >> 8) & 0xfff) | 0;
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  try {
    writeFileSync(throttle, `${major}:${minor} ${bytesPerSecond}`);
    return true;
  } catch {
    return false;
  }
}

const images = sizes.map(makeImage);
for (const { path } of images) execFileSync("zstd", ["-q", "-1", "-f", path, "-o", `${path}.zst`]);
const medium = join(folder, "medium");
writeFileSync(medium, "");
truncateSync(medium, (sizes.at(-1) + 64) * mib);
const card = join(folder, "card");
writeFileSync(card, "");
truncateSync(card, (sizes.at(-1) + 64) * mib);
const loop = attach(medium);
const targets = [
  { name: "file", path: card, images },
  ...(loop === undefined ? [] : [{ name: "loop device", path: loop, images }]),
  ...(loop !== undefined && limit(loop, 0)
    ? [{ name: `loop device at ${cardSpeed / 1e6} MB/s`, path: loop, images: images.slice(0, 1), speed: cardSpeed }]
    : []),
];

const rows = [];
const failed = [];
try {
  for (const target of targets.filter(({ name }) => name.startsWith(values.only))) {
    if (target.speed !== undefined) limit(target.path, target.speed);
    for (const image of target.images) {
      for (const packed of [false, true]) {
        const source = packed ? `${image.path}.zst` : image.path;
        const bmaptools = bmaptool === undefined ? [] : ["bmaptool", "bmaptool --no-verify"];
        const names = ["edgeimg", ...bmaptools, ...(packed ? [] : ["dd"])];
        const found = await compare(source, target.path, names);
        const label = `${image.size} MiB${packed ? ", .zst" : ""}`;
        const { edgeimg, bmaptool: checking, "bmaptool --no-verify": blind, dd } = found;
        const ratio = (one) => (one === undefined ? "-" : `${(one.written / edgeimg.written).toFixed(2)}x`);
        for (const name of bmaptools)
          if (found[name].written < edgeimg.written)
            failed.push(`${target.name}, ${label}: ${name} takes ${ratio(found[name])}`);
        if (dd !== undefined && dd.written < 3 * edgeimg.written)
          failed.push(`${target.name}, ${label}: dd takes ${ratio(dd)}`);
        const time = (one) => (one === undefined ? "-" : one.written.toFixed(2));
        const speed = Math.round(image.mapped / 1e6 / edgeimg.written);
        rows.push([
          ...[
            target.name,
            label,
            Math.round(image.mapped / mib),
            time(edgeimg),
            edgeimg.verified.toFixed(2),
            time(checking),
            time(blind),
            time(dd),
          ],
          ...[
            ratio(checking),
            ratio(blind),
            ratio(dd),
            speed,
            Math.round(edgeimg.peak / mib),
            checking === undefined ? "-" : Math.round(checking.peak / mib),
          ],
        ]);
        console.log(rows.at(-1).join("  "));
      }
    }
  }
} finally {
  if (loop !== undefined) limit(loop, 0);
  if (loop !== undefined) spawnSync("losetup", ["--detach", loop]);
  rmSync(folder, { recursive: true, force: true });
}

const head = [
  "target",
  "image",
  "mapped MiB",
  "edgeimg s",
  "with reading back s",
  "bmaptool s",
  "its --no-verify s",
  "dd s",
  "bmaptool / edgeimg",
  "--no-verify / edgeimg",
  "dd / edgeimg",
  "MB/s",
  "peak MiB",
  "bmaptool's peak MiB",
];
const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
const text = [
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, load ${load} at the end, median of ${runs} runs each; ${bmaptool?.version ?? "bmaptool was not found and is left out"};`,
  `${loop === undefined ? "this machine has no loop devices, so only a file was tried" : "the loop device lies on a file of the same disk"}.`,
  "",
  `| ${head.join(" | ")} |`,
  `|${head.map(() => "---").join("|")}|`,
  ...rows.map((row) => `| ${row.join(" | ")} |`),
  "",
  failed.length === 0
    ? "Goals (bmaptool takes as long or longer in either way, dd three times as long or more): met in every row."
    : `Goals (bmaptool takes as long or longer in either way, dd three times as long or more) missed: ${failed.join("; ")}.`,
];
if (values.only === "") writeSection("flash", `${text.join("\n")}\n`);
console.log(text.join("\n"));
