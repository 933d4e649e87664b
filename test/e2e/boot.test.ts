import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "junit2json";
import t from "tap";
import { pictures } from "../pictures/render.js";
import { edgeimg, fetchPhotograph, jsonLines, packedProgram, pictureProject, scratchFolder } from "./lab.js";

/**
 * Builds the images with the packed program as a CI pipeline does, boots those very images in QEMU and compares what the app reads in the
 * rendered pictures and a photograph, at start and over HTTP, with what is written on them.
 */
const folder = await scratchFolder("boot");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const photograph = await fetchPhotograph(folder);
const viaHttp = 2;
const engines = ["ncnn", "onnxruntime"];

/** The emulated Raspberry Pis take twice as long for a picture: they get those in which everything differs once. */
const matrices = [
  { boards: ["rpi4", "rpi3"], count: 8 },
  { boards: ["qemu-a72", "qemu-a53"], count: pictures.length },
];

interface Image {
  readonly board: string;
  readonly engine: string;
  readonly project: string;
  readonly count: number;
}

// All before the first subtest: between two of them tap would take the file for finished.
const images: Image[] = [];
for (const { boards, count } of matrices) {
  const project = join(folder, `project-${count}`);
  await pictureProject(program, project, { count, viaHttp, photograph });
  await appendFile(join(project, "edgeimg.yaml"), `matrix: ${JSON.stringify({ boards, engines })}\n`);
  const built = await edgeimg(program, ["build", "--matrix", "--json"], { cwd: project });
  if (built.code !== 0) throw new Error(`the images were not built: ${built.stdout.slice(-3000)} ${built.stderr}`);
  const listed = jsonLines((await edgeimg(program, ["ci", "matrix", "--json"], { cwd: project })).stdout).at(-1);
  if (!Array.isArray(listed?.include)) throw new Error("edgeimg ci matrix lists nothing");
  images.push(...listed.include.map((one: { board: string; engine: string }) => ({ ...one, project, count })));
}
t.equal(images.length, 8, "every board with every engine");

for (const { board, engine, project, count } of images) {
  await t.test(`${board} with ${engine} reads every picture`, async (t) => {
    const junit = join(folder, `${board}-${engine}.xml`);
    const args = ["test", "--board", board, "--engine", engine, "--locked", "--junit", junit, "--json"];
    const run = await edgeimg(program, args, { cwd: project });
    const report = jsonLines(run.stdout).find((line) => line.command === "test");
    if (!Array.isArray(report?.checks))
      return t.fail(`no report: ${run.stdout.slice(-2000)} ${run.stderr.slice(-2000)}`);
    const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
    for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
    t.ok(count >= 8, `${count} pictures`);
    t.equal(checks.length, 1 + (1 + count + 1) + (3 + viaHttp), "start, console lines, requests");
    t.equal(run.code, 0);
    t.match(await parse(await readFile(junit, "utf8")), { tests: checks.length, failures: 0 });
    t.comment(`${board} ${engine}: ${Math.round(Number(report.ms) / 1000)} s`);
  });
}
