import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import t from "tap";
import * as z from "zod";
import { arm32Tools, compileLibrary, compileWithKernels, kernelTools } from "./tools.js";

const line = z.object({
  section: z.string(),
  variant: z.string(),
  cases: z.int(),
  outputs: z.int(),
  differences: z.int(),
});

/** What each emulated core must have run: the first all variants that it can, the others their own, from number `first`. */
const cores = [
  {
    cpu: "cortex-a53",
    detected: "a53",
    first: "1",
    variants: ["scalar", "a53", "a72", "neon64"],
    sdot: "sdot refused, illegal here",
  },
  {
    cpu: "cortex-a72",
    detected: "a72",
    first: "3",
    variants: ["a72", "neon64"],
    sdot: "sdot refused, illegal here",
  },
  {
    cpu: "cortex-a76",
    detected: "dot",
    first: "4",
    variants: ["dot", "neon64"],
    sdot: "sdot allowed, legal here",
  },
];

const testSources = [
  "test/kernels/kernels_test.c",
  "test/kernels/layers_test.c",
  "test/kernels/cases.c",
  "recipes/kernels/reference/reference_conv.c",
  "recipes/kernels/reference/reference_layers.c",
];

t.test("kernels equal their scalar references, bit for bit", async (t) => {
  const tools = kernelTools();
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = join(folder, "kernels-test");
  await compileWithKernels(tools, {
    sources: testSources,
    output: program,
  });
  for (const core of cores) {
    const result = await execa(tools.qemu, ["-cpu", core.cpu, program, "60", core.first], { reject: false });
    t.equal(result.exitCode, 0, `${core.cpu}: exit code`, { stderr: result.stderr });
    const lines = result.stdout.split("\n").map((text) => line.parse(JSON.parse(text)));
    let cases = 0;
    for (const { section, variant, cases: count, differences } of lines) {
      cases += count;
      t.equal(differences, 0, `${core.cpu}: ${variant}: ${section}: ${count} cases`);
    }
    t.equal(lines[0]?.section, core.sdot, `${core.cpu}: dot product`);
    t.equal(lines[0]?.variant, core.detected, `${core.cpu}: variant found at run time`);
    const seen = new Set(lines.slice(1).map(({ variant }) => variant));
    t.ok(seen.delete("all"), `${core.cpu}: layers without weights`);
    t.same([...seen], core.variants, `${core.cpu}: variants`);
    t.comment(`${core.cpu}: ${cases} cases`);
  }
});

t.test("32-bit Arm: kernels equal their references", async (t) => {
  const tools = arm32Tools();
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = join(folder, "kernels-test");
  const flags = ["-march=armv7-a", "-mfpu=neon", "-mfloat-abi=hard", "-static"];
  await compileWithKernels(tools, { sources: testSources, output: program, flags });
  const result = await execa(tools.qemu, ["-cpu", "cortex-a7", program, "60", "5"], { reject: false });
  t.equal(result.exitCode, 0, "exit code", { stderr: result.stderr });
  const lines = result.stdout.split("\n").map((text) => line.parse(JSON.parse(text)));
  t.ok(
    lines.some(({ variant }) => variant === "neon32"),
    "the NEON variant ran",
  );
  let cases = 0;
  for (const { section, variant, cases: count, differences } of lines) {
    cases += count;
    t.equal(differences, 0, `${variant}: ${section}: ${count} cases`);
  }
  t.comment(`32-bit Arm: ${cases} cases`);
});

t.test("the library is small, and the same bytes each time", async (t) => {
  const tools = kernelTools();
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-"));
  t.teardown(() => rm(folder, { recursive: true }));
  await compileLibrary(tools, join(folder, "a.so"));
  await compileLibrary(tools, join(folder, "b.so"));
  const library = await readFile(join(folder, "a.so"));
  t.ok(library.equals(await readFile(join(folder, "b.so"))), "two builds are equal");
  t.ok(library.length <= 300_000, `${library.length} bytes are at most 300 kB`);
});
