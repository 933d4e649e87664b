import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { bundleChild, startChild } from "../helpers/child.js";

/** A program in QEMU's place that says its number and cannot be asked to end. */
function stubborn(t: Test, last: string): { readonly folder: string; readonly program: string } {
  const folder = t.testdir();
  const program = join(folder, "qemu");
  writeFileSync(program, `#!/bin/sh\ntrap '' TERM HUP INT\necho "pid $$"\n${last}\n`);
  chmodSync(program, 0o755);
  return { folder, program };
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] !== "Z";
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let looks = 0; looks < 400 && isRunning(pid); looks++) await sleep(25);
  return !isRunning(pid);
}

t.test("a kill -9 of edgeimg ends QEMU, too", async (t) => {
  const { folder, program } = stubborn(t, "while :; do sleep 0.2; done");
  const child = startChild(await bundleChild(new URL("kill-child.ts", import.meta.url), folder), [program, folder]);
  const pid = Number((await child.printed(/^pid \d+$/)).slice(4));
  t.ok(isRunning(pid));
  child.process.kill("SIGKILL");
  t.equal(await child.ended, "SIGKILL");
  t.ok(await gone(pid), `process ${pid}`);
});

t.test("a QEMU that ended by itself is no longer watched", async (t) => {
  const { folder, program } = stubborn(t, "exit 0");
  const child = startChild(await bundleChild(new URL("kill-child.ts", import.meta.url), folder), [program, folder]);
  await child.printed(/ended by itself/);
  t.equal(await child.ended, 0, "and nothing keeps us alive");
});
