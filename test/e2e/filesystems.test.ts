import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";

/** Each file system that the root may have, booted with an app that needs no model. */
const folder = await scratchFolder("filesystems");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);

for (const filesystem of ["squashfs", "erofs", "ext4"]) {
  await t.test(`a root on ${filesystem} boots`, async (t) => {
    const project = join(folder, filesystem);
    await mkdir(project);
    const app = 'import { report } from "edge:process";\nreport("result", { hello: "board" });\nreport("ready");\n';
    await writeFile(join(project, "main.ts"), app);
    const tests = JSON.stringify({ timeout: 300, expect: [{ edgeimg: "result", hello: "board" }] });
    const yaml = `format: 1\nname: hello\nboard: qemu-a72\nengine: ncnn\napp: { entry: main.ts }\nimage: { filesystem: ${filesystem} }\ntests: ${tests}\n`;
    await writeFile(join(project, "edgeimg.yaml"), yaml);
    const run = await edgeimg(program, ["test", "--json"], { cwd: project });
    const report = jsonLines(run.stdout).find((line) => line.command === "test");
    t.match(report, { checks: [{ passed: true }, { passed: true }] }, run.stderr.slice(-1500));
    t.equal(run.code, 0);
    const image = await stat(join(project, "out/qemu-a72-ncnn/hello-qemu-a72-ncnn.img"));
    t.ok(image.size < 160e6, `${image.size} bytes`);
  });
}
