import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";

/** Each file system that the root may have, booted with an app that needs no model. */
const folder = await scratchFolder("filesystems");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);

/** Drivers are loaded while the app starts: it waits for all of the list, and says which are missing. */
const app = `import { list, readText } from "edge:fs";
import { report } from "edge:process";
const wanted = (await readText("/etc/edgeimg/modules")).trim().split("\\n").map((file) => file.split(".ko")[0]?.replaceAll("-", "_") ?? "");
let missing = wanted;
for (let tries = 0; missing.length > 0 && tries < 100; tries++) {
  const loaded = new Set((await list("/sys/module")));
  missing = wanted.filter((name) => !loaded.has(name));
  if (missing.length > 0) await new Promise((done) => setTimeout(() => done(undefined), 100));
}
report("result", { missing, drivers: wanted.includes("virtio_net") });
report("ready");
`;

/** How each file system's own tool tells mode, user and group of its top folder; squashfs has rights as letters. */
const rootFolders = {
  squashfs: {
    command: (image: string) => ["bin/unsquashfs", "-lln", "-d", "", image],
    line: /^d(\S+) (\d+)\/(\d+) +\S+ \S+ \S+ $/m,
  },
  erofs: {
    command: (image: string) => ["bin/dump.erofs", "--path=/", image],
    line: /Uid: (?<user>\d+) +Gid: (?<group>\d+) +Access: (?<mode>\d+)\//,
  },
  ext4: {
    command: (image: string) => ["sbin/debugfs", "-R", "stat <2>", image],
    line: /Mode: +(?<mode>\d+) [\s\S]*?User: +(?<user>\d+) +Group: +(?<group>\d+)/,
  },
};

for (const filesystem of ["squashfs", "erofs", "ext4"] as const) {
  await t.test(`a root on ${filesystem} boots`, async (t) => {
    const project = join(folder, filesystem);
    await mkdir(project);
    await writeFile(join(project, "main.ts"), app);
    const tests = JSON.stringify({ timeout: 300, expect: [{ edgeimg: "result", missing: [], drivers: true }] });
    const yaml = `format: 1\nname: hello\nboard: qemu-a72\nengine: ncnn\napp: { entry: main.ts }\nimage: { filesystem: ${filesystem} }\ntests: ${tests}\n`;
    await writeFile(join(project, "edgeimg.yaml"), yaml);
    const run = await edgeimg(program, ["test", "--json"], { cwd: project });
    const report = jsonLines(run.stdout).find((line) => line.command === "test");
    t.match(report, { checks: [{ passed: true }, { passed: true }] }, run.stderr.slice(-1500));
    assertCode(t, run, 0);
    const image = await stat(join(project, "out/qemu-a72-ncnn/hello-qemu-a72-ncnn.img"));
    t.ok(image.size < 160e6, `${image.size} bytes`);
    t.same(
      await rootFolder(project, filesystem),
      ["0755", "0", "0"],
      "the root folder is root's, and only root's to write",
    );
    if (filesystem === "squashfs")
      await t.test("it holds what the manifest says, and the app", async (t) => await squashfsHolds(t, project));
  });
}

/** The tree of one step of a project's build. */
async function treeOf(project: string, step: string): Promise<string> {
  const run = await edgeimg(program, ["build", "--only", step, "--json"], { cwd: project });
  return String(jsonLines(run.stdout).find((line) => line.command === "build")?.path);
}

/** Mode, user and group of the top folder of the file system that was built. */
async function rootFolder(project: string, filesystem: keyof typeof rootFolders): Promise<(string | undefined)[]> {
  const { command, line } = rootFolders[filesystem];
  const [tool = "", ...args] = command(join(await treeOf(project, "image/root"), "root.img"));
  const file = join(await treeOf(project, "root/tools/image"), "root/usr", tool);
  const said = execFileSync(file, args, { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] });
  const found = line.exec(said);
  if (found?.groups !== undefined) return [found.groups.mode, found.groups.user, found.groups.group];
  const [, rights = "", user, group] = found ?? [];
  return [rights === rightsOf("0755") ? "0755" : rights, user, group];
}

/** The app is added to a file system that is there already: what is in it in the end, with owners, modes and times. */
async function squashfsHolds(t: Test, project: string): Promise<void> {
  const tool = join(await treeOf(project, "root/tools/image"), "root/usr/bin/unsquashfs");
  const image = join(await treeOf(project, "image/root"), "root.img");
  const listing = execFileSync(tool, ["-lln", "-UTC", "-d", "", image], { encoding: "utf8", maxBuffer: 1 << 26 });
  const found = listing.split("\n").flatMap((line) => {
    const [, type, rights = "", owner, size, date, time, path = "", target] =
      /^(.)(\S+) (\S+) +(\d+) (\S+) (\S+) \/(\S+)(?: -> (\S+))?$/.exec(line) ?? [];
    if (type === undefined) return [];
    t.same([owner, date, time], ["0/0", "2000-01-01", "00:00"], path);
    return [`${path} ${type}${rights} ${type === "-" ? size : (target ?? "")}`];
  });
  const { files } = JSON.parse(await readFile(join(project, "out/qemu-a72-ncnn/manifest.json"), "utf8")) as {
    files: { part: string; path: string; type: string; mode: string; size: number; target?: string }[];
  };
  const expected = files.flatMap(({ part, path, type, mode, size, target = "" }) => {
    if (part !== "root") return [];
    const letter = type === "file" ? "-" : type === "directory" ? "d" : "l";
    return [`${path} ${letter}${rightsOf(mode)} ${type === "file" ? size : target}`];
  });
  t.ok(expected.some((line) => line.startsWith("app/main.qjb -rw-r--r-- ")));
  t.same(found.sort(), expected.sort());
}

/** `rwxr-xr-t` of an octal mode. */
function rightsOf(mode: string): string {
  const bits = Number.parseInt(mode, 8);
  const letters = [..."rwxrwxrwx"].map((letter, index) => (bits & (1 << (8 - index)) ? letter : "-"));
  const special = [
    [2, 0o4000, "s"],
    [5, 0o2000, "s"],
    [8, 0o1000, "t"],
  ] as const;
  for (const [at, bit, letter] of special)
    if (bits & bit) letters[at] = letters[at] === "x" ? letter : letter.toUpperCase();
  return letters.join("");
}
