import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";
import { bootedExamples } from "./proven.js";

/** Examples other than the reader: as `edgeimg init` writes them, with the lines and answers that their own `tests` ask for. `proven.on` of the recipes. */
const folder = await scratchFolder("examples");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const boots = bootedExamples((example) => example !== "reader");
t.not(boots.length, 0);

for (const { example, engine, board } of boots)
  await t.test(`${example} on ${board} with ${engine} does what it must`, async (t) => {
    const project = join(folder, `${example}-${board}-${engine}`);
    t.equal((await edgeimg(program, ["init", project, "--example", example], { cwd: folder })).code, 0);
    const args = ["test", "--board", board, "--engine", engine, "--json"];
    const run = await edgeimg(program, args, { cwd: project });
    const report = jsonLines(run.stdout).find((line) => line.command === "test");
    if (!Array.isArray(report?.checks))
      return t.fail(`no report: ${run.stdout.slice(-2000)} ${run.stderr.slice(-2000)}`);
    const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
    for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
    t.ok(checks.length > 5, "the start, console lines and answers");
    t.equal(run.code, 0);
    t.comment(`${example} ${board} ${engine}: ${Math.round(Number(report.ms) / 1000)} s`);
  });
