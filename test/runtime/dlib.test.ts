import { copyFileSync, existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import t from "tap";
import { buildStep } from "../../src/api/build/build-step.js";
import { initProject } from "../../src/api/scaffold/init-project.js";
import { packageHome } from "../../src/ground/home.js";
import { quietContext } from "../helpers/context.js";
import { appFolder } from "../helpers/edge-app.js";
import { toolbox } from "../helpers/toolbox.js";
import { tinyOnnx } from "../model/onnx-builder.js";

/** Dlib's adapter under qemu-user, with files that are not what they are said to be: an error of ours, and no more memory than the file can need. */
const app = await appFolder();
t.teardown(app.remove);
const { qemuAarch64, sysroot, edgeNnRun } = await toolbox();
const { directory } = await initProject({ cwd: app.path }, { directory: "project", example: "find-faces" });
// The clone's own lock, when its first build wrote one: apt need not be asked again.
const lock = join(packageHome, "edgeimg.lock");
if (existsSync(lock)) copyFileSync(lock, join(directory, "edgeimg.lock"));
const context = quietContext(directory, { env: process.env });
const made = async (step: string) =>
  (await buildStep(context, { board: "rpi4", engine: "dlib", step, offline: false, locked: false })).path;
const adapter = join(await made("compile/dlib-adapter"), "libedge_nn.so");
const detector = await readFile(join(await made("model-file/faces"), "model.dlib-mmod"));

const ports = {
  "dlib-mmod": "input image u8 dims=1,40..240,40..240,3\noutput faces f32\n",
  "dlib-points": "input image u8 dims=1,40..240,40..240,3\ninput box f32 dims=4\noutput points f32\n",
};
type Format = keyof typeof ports;

/** Runs a model once on black pictures. */
async function run(file: Uint8Array, format: Format = "dlib-mmod", edge = ports[format]) {
  const model = join(app.path, "model");
  const pixels = join(app.path, "pixels.bin");
  const box = join(app.path, "box.bin");
  await mkdir(model, { recursive: true });
  await writeFile(join(model, `m.${format}`), file);
  await writeFile(join(model, "model.edge"), `edge-nn 1\nengine dlib\nfile model m.${format}\n${edge}`);
  await writeFile(pixels, new Uint8Array(48 * 48 * 3));
  await writeFile(box, new Uint8Array(Float32Array.of(4, 4, 44, 44).buffer));
  const inputs = [
    ...["--input", "image", pixels, "1x48x48x3"],
    ...(format === "dlib-points" ? ["--input", "box", box, "4"] : []),
  ];
  const flags = ["-cpu", "cortex-a72", "-L", sysroot, edgeNnRun, "--engine", adapter, "--model", model, ...inputs];
  const { exitCode, stdout, stderr } = await execa(qemuAarch64, flags, { reject: false, timeout: 300_000 });
  return { exitCode, said: `${stdout}${stderr}` };
}

t.test("the detector finds nothing in the dark, and says so with a tensor of no rows", async (t) => {
  const { exitCode, said } = await run(detector);
  t.equal(exitCode, 0, said);
  t.match(said, '"shape":[0,5]');
});

/** A whole number as Dlib writes it: a byte that counts, then as many bytes, the lowest first. */
const number = (value: bigint): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.push(Number(rest & 255n));
  return Buffer.from([bytes.length, ...bytes]);
};

const hostile: readonly (readonly [string, Uint8Array, Format, RegExp])[] = [
  ["an empty file", new Uint8Array(0), "dlib-mmod", /Dlib: /],
  ["half a file", detector.subarray(0, detector.length / 2), "dlib-mmod", /Dlib: /],
  ["a file that goes on", Buffer.concat([detector, Buffer.from([0])]), "dlib-mmod", /goes on after the model/],
  ["the detector in the place of points", detector, "dlib-points", /Dlib: /],
  ["an ONNX file", tinyOnnx({ nodes: [], inputs: [], outputs: [] }), "dlib-mmod", /Dlib: /],
  [
    "points of 2^40 numbers",
    Buffer.concat([number(1n), number(2n ** 40n), number(1n)]),
    "dlib-points",
    /memory|Dlib: /,
  ],
  ["a text of 2^33 letters", Buffer.concat([number(1n), number(2n ** 33n)]), "dlib-mmod", /memory|Dlib: /],
];

for (const [what, file, format, words] of hostile)
  t.test(`${what} is an error`, async (t) => {
    const { exitCode, said } = await run(file, format);
    t.ok(exitCode !== 0 && exitCode !== undefined && exitCode < 128, `exit code ${exitCode}`);
    t.match(said, words);
  });

t.test("each byte of the header may be another: an error, or a model that runs", async (t) => {
  for (const at of [0, 1, 5, 9, 30, 60, 90, 200, 1000]) {
    const changed = Buffer.from(detector);
    changed[at] = (changed[at] ?? 0) ^ 0x7f;
    const { exitCode, said } = await run(changed);
    t.ok(
      exitCode === 0 || (exitCode !== undefined && exitCode < 128),
      `byte ${at}: exit code ${exitCode}, ${said.slice(0, 200)}`,
    );
  }
});

t.test("ports that do not suit the format are told", async (t) => {
  const { said } = await run(detector, "dlib-mmod", "input image f32 dims=1,48,48,3\noutput faces f32\n");
  t.match(said, /a model dlib-mmod takes a picture, u8/);
});
