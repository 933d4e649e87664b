import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import t from "tap";
import * as z from "zod";
import { compileWithKernels, kernelTools } from "./tools.js";

const counts = z.object({
  rounds: z.literal(50_000),
  ok: z.int(),
  argument: z.int(),
  range: z.int(),
  size: z.int(),
  unsupported: z.int(),
  corrupt: z.int(),
});

/* Address and undefined-behaviour sanitizers, for the target itself: the emulator runs them, so the code with intrinsics is watched too. */
t.test("100,000 random calls, many invalid: an error code, never a fault", async (t) => {
  const tools = kernelTools();
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-fuzz-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = join(folder, "fuzz");
  await compileWithKernels(tools, {
    sources: ["test/kernels/fuzz.c", "test/kernels/cases.c"],
    output: program,
    flags: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  });
  const results = await Promise.all(
    ["1", "2"].map((seed) =>
      execa(tools.qemu, ["-L", tools.sysroot, "-cpu", "cortex-a76", program, "50000", seed], {
        /* The emulator's process table is not what the leak checker expects. */
        env: { ASAN_OPTIONS: "detect_leaks=0" },
        reject: false,
      }),
    ),
  );
  for (const result of results) {
    t.equal(result.exitCode, 0, "no sanitizer reported", { stderr: result.stderr.slice(0, 4000) });
    for (const [status, count] of Object.entries(counts.parse(JSON.parse(result.stdout))))
      t.ok(count > 100, `${status}: ${count}`);
  }
});
