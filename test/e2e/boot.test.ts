import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { pictures } from "../pictures/render.js";
import { edgeimg, fetchPhotograph, jsonLines, packedProgram, pictureProject, scratchFolder } from "./lab.js";

/**
 * Builds each image with the packed program, boots that very image in QEMU and compares what the app reads in the rendered pictures and a
 * photograph, at start and over HTTP, with what is written on them.
 */
const folder = await scratchFolder("boot");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const photograph = await fetchPhotograph(folder);
const viaHttp = 2;

/** The emulated Raspberry Pis take twice as long for a picture: they get those in which everything differs once. */
const boards = [
  { board: "rpi4", count: 8 },
  { board: "rpi3", count: 8 },
  { board: "qemu-a72", count: pictures.length },
  { board: "qemu-a53", count: pictures.length },
];

// All before the first subtest: between two of them tap would take the file for finished.
const projects = new Map<number, string>();
for (const count of new Set(boards.map((one) => one.count))) {
  const project = join(folder, `project-${count}`);
  await pictureProject(program, project, { count, viaHttp, photograph });
  projects.set(count, project);
}

for (const { board, count } of boards) {
  for (const engine of ["ncnn", "onnxruntime"]) {
    await t.test(`${board} with ${engine} reads every picture`, async (t) => {
      const run = await edgeimg(program, ["test", "--board", board, "--engine", engine, "--json"], {
        cwd: projects.get(count) ?? folder,
      });
      const report = jsonLines(run.stdout).find((line) => line.command === "test");
      if (!Array.isArray(report?.checks))
        return t.fail(`no report: ${run.stdout.slice(-2000)} ${run.stderr.slice(-2000)}`);
      const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
      for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
      t.ok(count >= 8, `${count} pictures`);
      t.equal(checks.length, 1 + (1 + count + 1) + (3 + viaHttp), "start, console lines, requests");
      t.equal(run.code, 0);
      t.comment(`${board} ${engine}: ${Math.round(Number(report.ms) / 1000)} s with build`);
    });
  }
}
