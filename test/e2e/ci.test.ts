import { appendFile, copyFile, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { parse } from "junit2json";
import t from "tap";
import { tinyProject } from "../helpers/ci-project.js";
import { assertCode, edgeimg, jsonLines, packedProgram, packedTarball, scratchFolder } from "./lab.js";

/**
 * What a team's CI does: all images as one graph, a diff and a size budget on real builds, the generic pipeline from a clean folder to
 * artifacts, and the way to a machine without a network. Compiled engines come from the store that the other tests filled.
 */
const folder = await scratchFolder("ci");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
await mkdir(join(folder, "packed"));
const tarball = await packedTarball(join(folder, "packed"));

const boards = ["rpi4", "qemu-a72", "qemu-a53"];
const engines = ["ncnn", "onnxruntime"];
const project = join(folder, "project");
// ncnn would be compiled for that core, which takes minutes; of the Raspberry Pi one image is enough.
const exclude = [
  { board: "qemu-a53", engine: "ncnn" },
  { board: "rpi4", engine: "onnxruntime" },
];
await tinyProject(project, `matrix: ${JSON.stringify({ boards, engines, exclude })}\n`);
// Content that no earlier build had: the app's steps run.
await appendFile(join(project, "main.ts"), `console.log(${JSON.stringify(folder)});\n`);

const sums = async (out: string) => await readFile(join(out, "SHA256SUMS"), "utf8");

await t.test("build --matrix: three boards with two engines, two pairs left out, each common step once", async (t) => {
  const run = await edgeimg(program, ["build", "--matrix", "--json"], { cwd: project });
  assertCode(t, run, 0);
  const events = jsonLines(run.stdout);
  const starts = events.flatMap((event) => (event.type === "step-start" ? [String(event.step)] : []));
  t.equal(new Set(starts).size, starts.length, "no step ran twice");
  const count = (name: string) => starts.filter((step) => step === name || step.startsWith(`${name}@`)).length;
  t.same([count("app/bundle"), count("app/typecheck")], [1, 1], "the app once");
  t.equal(count("app/bytecode"), 2, "its bytecode once a core");
  t.equal(count("image/disk"), 4, "an image each");
  const result = events.find((event) => event.type === "result");
  t.equal(Array.isArray(result?.images) && result.images.length, 4);
  for (const board of boards) {
    for (const engine of engines.filter((one) => !exclude.some((out) => out.board === board && out.engine === one)))
      t.match(await sums(join(project, `out/${board}-${engine}`)), /tiny-.*\.img\.zst/);
  }
  t.comment(`matrix: ${Math.round(Number(result?.ms) / 1000)} s`);
  const single = await edgeimg(
    program,
    ["build", "--board", "qemu-a53", "--engine", "onnxruntime", "--locked", "--json"],
    {
      cwd: project,
    },
  );
  t.match(
    jsonLines(single.stdout).find((event) => event.type === "result"),
    { command: "build", board: "qemu-a53" },
    "the matrix's lock serves each of its images",
  );
});

await t.test("diff and budget on two real builds", async (t) => {
  const pair = ["out/qemu-a72-ncnn", "out/qemu-a72-onnxruntime"];
  const text = await edgeimg(program, ["diff", ...pair], { cwd: project });
  t.match(text.stdout, /ncnn \S+ -> .*onnxruntime/);
  t.match(text.stdout, /root \/usr\/lib\/edgeimg\/libonnxruntime\.so\.1 +- +[\d.]+ MB +new/);
  const markdown = await edgeimg(program, ["diff", "--format", "markdown", ...pair], { cwd: project });
  t.match(markdown.stdout, /^\| rootfs \| [\d.]+ MB \| [\d.]+ MB \| \+[\d.]+ MB \|$/m);
  const json = JSON.parse((await edgeimg(program, ["diff", "--format", "json", ...pair], { cwd: project })).stdout);
  t.ok(json.files.some((file: { name: string }) => file.name === "usr/lib/edgeimg/libncnn.so.1"));

  const before = await sums(join(project, pair[0] ?? ""));
  const yaml = await readFile(join(project, "edgeimg.yaml"), "utf8");
  await mkdir(join(project, "pictures"));
  await writeFile(join(project, "pictures/large.bin"), Buffer.alloc(3_000_000, "does it fit? "));
  const grown = yaml.replace("entry: main.ts", "entry: main.ts, assets: [pictures]");
  await writeFile(join(project, "edgeimg.yaml"), `${grown}budget: { app: 1MB, boot: 900MB }\n`);
  const args = ["build", "--board", "qemu-a72", "--engine", "ncnn"];
  const over = await edgeimg(program, args, { cwd: project });
  t.equal(over.code, 3);
  t.match(over.stderr, /ERR_EDGEIMG_BUDGET_EXCEEDED[\s\S]*app: 30\d{5} bytes, \d+ more than the budget of 1000000/);
  t.match(over.stderr, /largest growths since the last result:[\s\S]*\+3000000 bytes {2}\/app\/assets\/large\.bin/);
  t.equal(await sums(join(project, pair[0] ?? "")), before, "the last result stays");
  await writeFile(join(project, "edgeimg.yaml"), `${grown}budget: { app: 4MB }\n`);
  assertCode(t, await edgeimg(program, args, { cwd: project }), 0);
  await writeFile(join(project, "edgeimg.yaml"), yaml);
});

await t.test("the generic pipeline makes artifacts in a clean folder, with edgeimg installed by npm", async (t) => {
  const clean = join(folder, "clean");
  await tinyProject(
    clean,
    `matrix: { boards: [qemu-a72, qemu-a53], engines: [ncnn, onnxruntime], exclude: [{ board: qemu-a53, engine: ncnn }, { board: qemu-a72, engine: onnxruntime }] }\n`,
  );
  await copyFile(join(project, "edgeimg.lock"), join(clean, "edgeimg.lock"));
  await copyFile(tarball, join(clean, basename(tarball)));
  const made = await edgeimg(program, ["ci", "init", "--provider", "generic"], { cwd: clean });
  assertCode(t, made, 0);
  const summary = join(folder, "summary.md");
  const run = await execa("sh", ["ci/edgeimg.sh"], {
    cwd: clean,
    env: { CI: "true", EDGEIMG_SUMMARY: summary },
    reject: false,
    all: true,
    stdin: "ignore",
  });
  t.equal(run.exitCode, 0, run.exitCode === 0 ? "done" : run.all?.slice(-3000));
  t.same((await readdir(join(clean, "out/ci"))).sort(), ["qemu-a53-onnxruntime", "qemu-a72-ncnn"]);
  for (const name of ["qemu-a53-onnxruntime", "qemu-a72-ncnn"]) {
    const artifacts = join(clean, "out/ci", name);
    const files = await readdir(artifacts);
    for (const file of [`tiny-${name}.img.zst`, `tiny-${name}.img.bmap`, "manifest.json", "sizes.txt", "test.log"])
      t.ok(files.includes(file), `${name}: ${file}`);
    const checked = await execa("sha256sum", ["--check", "--ignore-missing", "--strict", "SHA256SUMS"], {
      cwd: artifacts,
      reject: false,
    });
    t.equal(checked.exitCode, 0, checked.stdout);
    const report = await parse(await readFile(join(artifacts, "test.xml"), "utf8"));
    t.match(report, { name: "tiny", tests: 2, failures: 0, testsuite: [{ name, tests: 2 }] });
    t.match(await readFile(summary, "utf8"), new RegExp(`### ${name}: tests passed[\\s\\S]*tiny-${name}\\.img\\.zst`));
  }
  const release = await execa("sh", ["ci/edgeimg.sh", "release"], { cwd: clean, reject: false, all: true });
  t.equal(release.exitCode, 0, release.all);
  const released = join(clean, "out/release");
  const wrong = await execa("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: released, reject: false });
  t.equal(wrong.exitCode, 0, wrong.stdout);
  t.ok((await readdir(released)).includes("qemu-a72-ncnn.manifest.json"));

  await writeFile(join(clean, "main.ts"), `import { report } from "edge:process";\nreport("ready");\n`);
  const failing = await execa("sh", ["ci/edgeimg.sh", "image", "qemu-a72", "ncnn"], {
    cwd: clean,
    reject: false,
    all: true,
    stdin: "ignore",
  });
  t.equal(failing.exitCode, 3, "a failed test fails the pipeline");
  const report = await parse(await readFile(join(clean, "out/ci/qemu-a72-ncnn/test.xml"), "utf8"));
  t.match(report, { tests: 2, failures: 1 });
  t.match(await readFile(join(clean, "out/ci/qemu-a72-ncnn/summary.md"), "utf8"), "tests FAILED (exit code 3)");
});

await t.test("cache export, an empty store, no network, cache import: the same bytes", async (t) => {
  const target = ["--board", "rpi4", "--engine", "ncnn"];
  const archive = join(folder, "site.tar");
  const exported = await edgeimg(program, ["cache", "export", archive, ...target, "--locked"], { cwd: project });
  assertCode(t, exported, 0);
  const second = join(folder, "second.tar");
  await edgeimg(program, ["cache", "export", second, ...target, "--locked"], { cwd: project });
  t.equal((await execa("cmp", [archive, second], { reject: false })).exitCode, 0, "the same file each time");

  const closed = "http://127.0.0.1:9/";
  const env = {
    XDG_CACHE_HOME: join(folder, "empty"),
    EDGEIMG_DEBIAN_MIRROR: closed,
    npm_config_registry: closed,
    PIP_INDEX_URL: closed,
    http_proxy: closed,
    https_proxy: closed,
  };
  // A network namespace of its own has no way out at all; not every machine lets us make one.
  const unshare = (await execa("unshare", ["--net", "true"], { reject: false })).exitCode === 0;
  const through = unshare ? ["unshare", "--net"] : [];
  t.comment(unshare ? "in a network namespace without interfaces" : "every registry refuses");
  const away = async (...words: string[]) => await edgeimg(program, words, { cwd: elsewhere, env, through });
  const elsewhere = join(folder, "elsewhere");
  await mkdir(elsewhere);
  for (const file of ["edgeimg.yaml", "edgeimg.lock", "main.ts"])
    await copyFile(join(project, file), join(elsewhere, file));

  const nothing = await away("build", ...target, "--offline", "--locked");
  t.equal(nothing.code, 2, "before the import there is nothing to build from");

  await dropLastObject(second);
  const missing = await away("cache", "import", second);
  t.equal(missing.code, 3);
  t.match(missing.stderr, /ERR_EDGEIMG_CACHE_ARCHIVE: .*it lacks .*\(object [0-9a-f]{64}\)/);
  await rm(second);
  const middle = Math.floor((await stat(archive)).size / 2);
  await flip(archive, middle);
  const changed = await away("cache", "import", archive);
  t.equal(changed.code, 3);
  t.match(changed.stderr, /ERR_EDGEIMG_CACHE_ARCHIVE: .*\(object [0-9a-f]{64}\) has been changed/);
  await flip(archive, middle);

  const imported = await away("cache", "import", archive);
  assertCode(t, imported, 0);
  const built = await away("build", ...target, "--offline", "--locked", "--json");
  assertCode(t, built, 0);
  const compiled = jsonLines(built.stdout).filter(
    (event) => event.type === "step-start" && String(event.step).startsWith("compile/"),
  );
  t.same(compiled, [], "nothing was compiled again");
  t.equal(await sums(join(elsewhere, "out/rpi4-ncnn")), await sums(join(project, "out/rpi4-ncnn")));
});

/** Changes one bit; a second time, changes it back. */
async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, at);
  await handle.close();
}

/** Cuts the last entry off a tar archive, leaving a whole one. */
async function dropLastObject(archive: string): Promise<void> {
  const { stdout } = await execa("tar", ["--list", "--verbose", "--file", archive]);
  const size = Number(stdout.trim().split("\n").at(-1)?.split(/\s+/)[2]);
  const entry = 512 + Math.ceil(size / 512) * 512;
  const end = Buffer.alloc(1024);
  await truncate(archive, (await stat(archive)).size - end.length - entry);
  await appendFile(archive, end);
}
