import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import t from "tap";
import { appFolder, runSource } from "../helpers/edge-app.js";

const app = await appFolder();
t.teardown(app.remove);

/** Runs code in which `call` prints what a promise gave, as JSON, or the code of its error. */
async function lines(code: string): Promise<unknown[]> {
  const prelude = `import { readFile, readText, writeFile, list, stat, remove, mkdir } from "edge:fs";
    const here = ${JSON.stringify(app.path)};
    const call = async (promise) => {
      try { const value = await promise; console.log(JSON.stringify(value === undefined ? "done" : value)); }
      catch (error) { console.log(JSON.stringify({ code: error.code ?? error.name, message: error.message })); }
    };\n`;
  const { code: exit, stdout, stderr } = await runSource(app.path, prelude + code);
  if (exit !== 0) throw new Error(stdout + stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

t.test("files are read, relative paths from the app's folder", async (t) => {
  await mkdir(join(app.path, "assets/deep"), { recursive: true });
  await writeFile(join(app.path, "assets/a.txt"), "\ufeffaé€");
  await writeFile(join(app.path, "assets/b.bin"), Buffer.from([0, 255, 10]));
  await writeFile(join(app.path, "assets/empty"), "");
  t.same(
    await lines(`
      await call(readText("assets/a.txt"));
      await call(readText(here + "//assets/./deep/../a.txt"));
      await call(readFile("assets/b.bin").then((buffer) => Array.from(new Uint8Array(buffer))));
      await call(readFile("assets/empty").then((buffer) => buffer.byteLength));
      await call(readText("assets/b.bin"));
      await call(list("assets"));
      await call(stat("assets").then(({ directory }) => directory));
      await call(stat("assets/b.bin").then(({ size, directory, modifiedMs }) => [size, directory, Math.abs(Date.now() - modifiedMs) < 60000]));
      await call(readText("/proc/self/comm").then((text) => text.length > 1));
    `),
    ["aé€", "aé€", [0, 255, 10], 0, "\0\ufffd\n", ["a.txt", "b.bin", "deep", "empty"], true, [3, false, true], true],
  );
});

t.test("/app and /models are where the options say", async (t) => {
  await mkdir(join(app.path, "models/m"), { recursive: true });
  await writeFile(join(app.path, "models/m/words.txt"), "one");
  const code = `import { readText, list } from "edge:fs";
    console.log(await readText("/models/m/words.txt"), await readText("/app/assets/a.txt"), (await list("/models")).join());
    for (const path of ["/models/../models", "/modelsm", "/models/../../etc/nope"])
      console.log(await list(path).then((names) => names.join(), (error) => error.code));`;
  const { stdout } = await runSource(app.path, code, {
    flags: ["--models", relative(process.cwd(), join(app.path, "models"))],
  });
  t.equal(stdout, "one aé€ m\nm\nENOENT\nENOENT\n");
});

t.test(
  "/data and /tmp are where the options say: there the app writes, and reads of them nothing else's",
  async (t) => {
    const [data, tmp] = [join(app.path, "kept"), join(app.path, "scratch")];
    for (const folder of [join(data, "app"), tmp]) await mkdir(folder, { recursive: true });
    const code = `import { writeFile, readText, list, mkdir, remove } from "edge:fs";
    const call = (promise) => promise.then((value) => JSON.stringify(value ?? "done"), (error) => error.message);
    console.log(await call(writeFile("/data/app/a.txt", "kept")));
    console.log(await call(mkdir("/data/app/deep/er")));
    console.log(await call(writeFile("/tmp/b.txt", "scratch")));
    console.log(await call(readText("/tmp/../data/app/a.txt")));
    console.log(await call(list("/tmp")));
    console.log(await call(writeFile("/data/c.txt", "")));
    console.log(await call(writeFile("/data/app/../c.txt", "")));
    console.log(await call(readText("/data/app/none")));
    console.log(await call(remove("/dataset")));`;
    const { stdout } = await runSource(app.path, code, {
      flags: ["--data", data, "--tmp", relative(process.cwd(), tmp), "--writable", "/data/app", "--writable", "/tmp"],
    });
    const refused = (verb: string, path: string) =>
      `EACCES: only ${app.path}, /data/app, /tmp and below can be written, ${verb} '${path}'`;
    t.same(stdout.trim().split("\n"), [
      '"done"',
      '"done"',
      '"done"',
      '"kept"',
      '["b.txt"]',
      refused("write", "/data/c.txt"),
      refused("write", "/data/c.txt"),
      "ENOENT: No such file or directory, read '/data/app/none'",
      refused("remove", "/dataset"),
    ]);
    t.same(await readdir(join(data, "app")), ["a.txt", "deep"]);
    t.equal(await readFile(join(tmp, "b.txt"), "utf8"), "scratch");
  },
);

t.test("files are written whole, removed, and folders made", async (t) => {
  t.same(
    await lines(`
      await call(mkdir("out/x/y"));
      await call(mkdir("out/x/y"));
      await call(writeFile("out/x/text", "é\\ud800"));
      await call(writeFile("out/x/text", "second é"));
      await call(writeFile("out/x/bytes", new Uint8Array([1, 2, 3, 4]).subarray(1, 3)));
      await call(writeFile("out/x/buffer", new Uint8Array([9]).buffer));
      await call(remove("out/x/y"));
      await call(list("out/x"));
    `),
    ["done", "done", "done", "done", "done", "done", "done", ["buffer", "bytes", "text"]],
  );
  t.equal(await readFile(join(app.path, "out/x/text"), "utf8"), "second é");
  t.same([...(await readFile(join(app.path, "out/x/bytes")))], [2, 3]);
  t.same(await readdir(join(app.path, "out/x")), ["buffer", "bytes", "text"], "no temporary files are left");
});

t.test("errors have codes", async (t) => {
  await mkdir(join(app.path, "full/inner"), { recursive: true });
  await symlink("/nowhere", join(app.path, "full/link"));
  t.match(
    await lines(`
      await call(readText("nope"));
      await call(readText("assets"));
      await call(list("assets/a.txt"));
      await call(writeFile("/etc/x", ""));
      await call(writeFile(here + "/../x", ""));
      await call(writeFile(here, ""));
      await call(writeFile("full", ""));
      await call(remove("full"));
      await call(remove("nope"));
      await call(remove("/tmp/../etc/passwd"));
      await call(mkdir("assets/a.txt"));
      await call(mkdir("assets/a.txt/x"));
      await call(readText("a\\0b"));
      await call(readText(""));
      await call(readText("x".repeat(5000)));
      await call(readText());
      await call(writeFile("full/new", 3));
      await call(writeFile("full/new", new Float32Array(1)));
      await call(remove("full/link"));
    `),
    [
      { code: "ENOENT", message: /ENOENT: .*, read '.*\/nope'/ },
      { code: "EISDIR" },
      { code: "ENOTDIR" },
      { code: "EACCES" },
      { code: "EACCES" },
      { code: "EACCES" },
      { code: "EISDIR" },
      { code: "ENOTEMPTY" },
      { code: "ENOENT" },
      { code: "EACCES" },
      { code: "EEXIST" },
      { code: "ENOTDIR" },
      { code: "EINVAL" },
      { code: "EINVAL" },
      { code: "EINVAL" },
      { code: "TypeError" },
      { code: "TypeError" },
      { code: "TypeError" },
      "done",
    ],
  );
});
