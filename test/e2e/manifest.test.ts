import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";

/** What the manifest, the sizes and the treemap say of a real image, of an app with npm packages: one of them within another. */
const folder = await scratchFolder("manifest");
t.teardown(() => rm(folder, { recursive: true, force: true }));

async function npmPackage(
  path: string,
  more: { version: string; license: string; dependencies?: object },
  code: string,
) {
  await mkdir(join(folder, path), { recursive: true });
  const name = path.split("node_modules/").at(-1);
  await writeFile(join(folder, path, "package.json"), JSON.stringify({ name, main: "index.js", ...more }));
  await writeFile(join(folder, path, "index.js"), code);
}

t.test("every file of an image has its origins", async (t) => {
  const program = await packedProgram(folder);
  const project = join(folder, "project");
  await npmPackage(
    "project/node_modules/@some/outer",
    { version: "1.2.3", license: "ISC", dependencies: { inner: "4" } },
    `import { inner } from "inner"; export const outer = inner(2);`,
  );
  await npmPackage(
    "project/node_modules/@some/outer/node_modules/inner",
    { version: "4.0.0", license: "BSD-2-Clause" },
    "export function inner(n) { return Date.now() * n; }",
  );
  await npmPackage("project/node_modules/unused", { version: "9.0.0", license: "MIT" }, "export const unused = 1;");
  await writeFile(
    join(project, "package.json"),
    JSON.stringify({ name: "reader", dependencies: { "@some/outer": "1", unused: "9" } }),
  );
  await writeFile(
    join(project, "main.ts"),
    `// @ts-expect-error It has no declarations.\nimport { outer } from "@some/outer";\nimport { report } from "edge:process";\nreport("ready", { outer });\n`,
  );
  await writeFile(
    join(project, "edgeimg.yaml"),
    "format: 1\nname: reader\nboard: rpi4\nengine: ncnn\napp: { entry: main.ts }\n",
  );
  const build = await edgeimg(program, ["build"], { cwd: project });
  assertCode(t, build, 0);

  const out = join(project, "out/rpi4-ncnn");
  const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8"));
  interface Row {
    part: string;
    path: string;
    type: string;
    package?: string;
    version?: string;
    license?: string;
    contains?: string[];
  }
  const files: Row[] = manifest.files;
  const of = (part: string, path: string) => files.find((one) => one.part === part && one.path === path);
  t.match(of("boot", "kernel8.img"), { package: /^linux-image-/, version: /^\d/, license: /GPL-2/ });
  t.match(
    of("boot", "initramfs.gz")?.contains,
    [/^busybox/, /^linux-image-/, "edgeimg-init"],
    "tools, modules, our scripts",
  );
  t.match(of("root", "usr/bin/edge-run"), { package: "edgeimg-runtime", license: "MIT" });
  const linked = ["libquickjs", "libuv1-dev", "libllhttp-dev", "libjpeg62-turbo-dev", "libpng-dev", "zlib1g-dev"];
  for (const name of linked)
    t.ok(of("root", "usr/bin/edge-run")?.contains?.includes(name), `${name} is linked into it`);
  t.match(
    manifest.linked.map(({ name }: { name: string }) => name),
    linked,
  );
  t.match(of("root", "app/main.qjb"), { package: "reader", contains: ["reader", "@some/outer", "inner"] });
  const components: { name: string; version: string; license: string; purl?: string }[] = manifest.components;
  const find = (name: string) => components.find((one) => one.name === name);
  t.match(find("@some/outer"), { version: "1.2.3", license: "ISC", purl: "pkg:npm/%40some/outer@1.2.3" });
  t.match(find("inner"), { version: "4.0.0", license: "BSD-2-Clause" });
  t.equal(find("unused"), undefined, "what no file is made of is not in the image");
  t.match(find("ncnn"), { license: "BSD-3-Clause", purl: /^pkg:pypi\/ncnn@/ });
  t.same(
    files
      .filter((one) => one.type === "file" && (one.package === undefined || one.license === ""))
      .map(({ path }) => path),
    [],
    "no file without origin",
  );
  const largest = (await readFile(join(out, "sizes.txt"), "utf8")).split("\n")[1] ?? "";
  t.match(largest, /boot +linux-image-/, "the largest cell is the kernel's");
  t.match(await readFile(join(out, "sizes.html"), "utf8"), />linux-image-/);
});
