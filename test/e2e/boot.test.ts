import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { pictures } from "../pictures/render.js";
import { edgeimg, fetchPhotograph, jsonLines, packedProgram, pictureProject, scratchFolder } from "./lab.js";

/**
 * Builds each image with the packed program, boots that very image in QEMU and compares what the app reads in the rendered pictures,
 * at start and over HTTP, with what is written on them.
 */
const folder = await scratchFolder("boot");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const project = join(folder, "project");
await pictureProject(program, project, { viaHttp: 2, photograph: await fetchPhotograph(folder) });

t.ok(pictures.length >= 8, `${pictures.length} pictures`);

for (const board of ["rpi4", "rpi3", "qemu-a72", "qemu-a53"]) {
  for (const engine of ["ncnn", "onnxruntime"]) {
    await t.test(`${board} with ${engine} reads every picture`, async (t) => {
      const run = await edgeimg(program, ["test", "--board", board, "--engine", engine, "--json"], { cwd: project });
      const report = jsonLines(run.stdout).find((line) => line.command === "test");
      if (!Array.isArray(report?.checks))
        return t.fail(`no report: ${run.stdout.slice(-2000)} ${run.stderr.slice(-2000)}`);
      const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
      for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
      t.equal(checks.length, 1 + (pictures.length + 2) + 3 + 2, "start, console lines, requests");
      t.equal(run.code, 0);
      t.comment(`${board} ${engine}: ${Math.round(Number(report.ms) / 1000)} s with build`);
    });
  }
}
