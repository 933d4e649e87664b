import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { assertBoots, assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";
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
    assertCode(t, await edgeimg(program, ["init", project, "--example", example], { cwd: folder }), 0);
    const checks = await assertBoots(t, program, ["--board", board, "--engine", engine], { cwd: project });
    t.ok(checks > 5, "the start, console lines and answers");
  });
