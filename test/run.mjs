// Runs the tests, unit tests first, and ends with the line `N passed, N failed` (assertions).
//   node test/run.mjs [unit|target|e2e] [FILE...]
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const home = fileURLToPath(new URL("../", import.meta.url));

const isTarget = (file) => /^test\/(runtime|kernels)\//.test(file) || file === "test/model/reference.test.ts";
const isE2e = (file) => /^test\/(e2e|images)\//.test(file);

/**
 * Unit tests need nothing but Node. Target tests run programs of the board under qemu-user, with tools from the store.
 * End-to-end tests build and boot images, for minutes. Seconds are per file.
 */
const groups = {
  unit: { jobs: 2, seconds: 900, has: (file) => !isTarget(file) && !isE2e(file) },
  target: { jobs: 2, seconds: 900, has: isTarget, tools: true },
  // Most of it is emulated boards, which keep one core busy each. Started in the order of their names: the longest would else end alone.
  e2e: { jobs: 2, seconds: 5400, has: isE2e },
};

const words = process.argv.slice(2);
const chosen = words[0] in groups ? [words.shift()] : Object.keys(groups);
const wanted = words;

generateTap();
let passed = 0;
let failed = 0;
for (const name of chosen) {
  const group = groups[name];
  const files = testFiles().filter(
    (file) => group.has(file) && (wanted.length === 0 || wanted.some((word) => file.includes(word))),
  );
  console.log(`\n${name} tests: ${files.length} files`);
  if (files.length === 0) {
    if (wanted.length > 0) continue;
    console.log(`not ok - there are no ${name} tests`);
    failed++;
    continue;
  }
  const from = performance.now();
  const tools = group.tools ? await toolsOrFailure() : { env: {}, remove: () => {} };
  if (tools === undefined) {
    failed++;
    continue;
  }
  const counted = await runGroup(files, group, tools.env);
  tools.remove();
  passed += counted.passed;
  failed += counted.failed;
  console.log(`${name} tests: ${Math.round((performance.now() - from) / 1000)} s`);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function testFiles() {
  return readdirSync(`${home}test`, { recursive: true })
    .map((file) => `test/${file}`)
    .filter((file) => /\.test\.ts$/.test(file) && !/\/(node_modules|fixtures|\.tap)\//.test(file))
    .sort();
}

/** Tools from the product's store; building them is a test of its own. */
async function toolsOrFailure() {
  try {
    return await (await import("./tools.mjs")).testTools();
  } catch (error) {
    console.log(`not ok - the tools of the target tests cannot be made: ${error.stack ?? error}`);
    if (error.details) console.log(error.details.join("\n"));
    return undefined;
  }
}

/** Shows a line a file, and all that tap says of a file that failed. */
async function runGroup(files, { jobs, seconds }, env) {
  const flags = ["run", `--jobs=${jobs}`, `--timeout=${seconds}`, "--reporter=tap", "--disable-coverage", "--no-color"];
  const child = spawn(process.execPath, [tapProgram(), ...flags, ...files], {
    cwd: home,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise((resolve) => child.on("close", resolve));
  const counted = { passed: 0, failed: 0 };
  let block = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const summary = /^# \{ total: \d+, pass: (\d+)(?:, fail: (\d+))?/.exec(line);
    if (summary !== null) {
      counted.passed = Number(summary[1]);
      counted.failed = Number(summary[2] ?? 0);
    } else if (/^(not )?ok \d+ - test\//.test(line)) {
      console.log(line);
      if (line.startsWith("not ok")) console.log(failures(block).join("\n"));
      block = [];
    } else {
      block.push(line);
    }
  }
  const code = await exit;
  if (code !== 0 && counted.failed === 0) {
    console.log(block.slice(-40).join("\n"));
    counted.failed = 1;
  }
  return counted;
}

/** The parts of a file's output that tell of failures. */
function failures(lines) {
  if (lines.length <= 150) return lines;
  const kept = new Set();
  lines.forEach((line, index) => {
    if (/^\s+not ok /.test(line)) for (let offset = -1; offset < 30; offset++) kept.add(index + offset);
  });
  const chosenLines = lines.filter((_, index) => kept.has(index));
  return chosenLines.length > 0 ? chosenLines.slice(0, 400) : lines.slice(-60);
}

/** tap is made of plugins, and makes itself anew when .taprc asks for others; what runs then is still the old one, with the TypeScript that takes so long. */
function generateTap() {
  const made = readFileSync(inPackages("@tapjs/test/test-built/dist/esm/index.js"), "utf8");
  if (made.includes('"@tapjs/typescript"')) spawnSync(process.execPath, [tapProgram(), "build"], { cwd: home });
}

function tapProgram() {
  return inPackages("tap/dist/esm/run.mjs");
}

/** A file of tap's, or of what lies beside it. */
function inPackages(path) {
  return fileURLToPath(import.meta.resolve("tap").replace(/\/node_modules\/tap\/.*$/, `/node_modules/${path}`));
}
