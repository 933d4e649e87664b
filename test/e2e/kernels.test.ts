import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";

/** examples/kernels-tour as a user has it, booted: one layer of each width gives the scalar kernels' checksum. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const folder = await scratchFolder("kernels");
t.teardown(() => rm(folder, { recursive: true, force: true }));

t.test("an image with kernels: true runs a layer of each width", async (t) => {
  const program = await packedProgram(folder);
  const project = join(folder, "project");
  await cp(join(home, "examples/kernels-tour"), project, { recursive: true });
  const run = await edgeimg(program, ["test", "--board", "qemu-a53", "--engine", "onnxruntime", "--json"], {
    cwd: project,
  });
  const report = jsonLines(run.stdout).find((line) => line.command === "test");
  if (!Array.isArray(report?.checks)) return t.fail(`no report: ${run.stdout.slice(-1500)}${run.stderr.slice(-1500)}`);
  const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
  for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
  t.equal(checks.filter(({ name }) => name.includes("checksum")).length, 5);
  assertCode(t, run, 0);
});
