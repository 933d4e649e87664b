import { execFile } from "node:child_process";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import * as z from "zod";
import { packageHome } from "../../src/ground/home.js";

const run = promisify(execFile);
const packed = z.array(z.object({ files: z.array(z.object({ path: z.string(), mode: z.int() })) })).length(1);

t.test("the package holds what builds read, and nothing of tests", async (t) => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: packageHome,
    maxBuffer: 2 ** 26,
  });
  const files = packed.parse(JSON.parse(stdout))[0]?.files ?? [];
  const paths = files.map((file) => file.path);
  for (const wanted of [
    "bin/edgeimg",
    "dist/cli/main.js",
    "dist/api/index.js",
    "dist/bundle/main.js",
    "schemas/project.json",
    "board-configs/rpi4.yaml",
    "recipes/runtime/include/edge_nn.h",
    "recipes/runtime/types/edge.d.ts",
    "recipes/engines/ncnn/recipe.yaml",
    "recipes/distro/debian-13.yaml",
    "templates/scaffold/common/_gitignore",
    "examples/reader/edgeimg.yaml",
    "README.md",
  ]) {
    t.ok(paths.includes(wanted), wanted);
  }
  t.same(
    paths
      .filter((path) => !/^templates\/scaffold\/[\w-]+\/test\//.test(path))
      .filter((path) => /^(test|bench|src)\/|node_modules|\.test\.|^out\//.test(path)),
    [],
  );
  t.equal((files.find((file) => file.path === "bin/edgeimg")?.mode ?? 0) & 0o111, 0o111, "executable");
});

t.test("the program starts through a link, as npm installs it", async (t) => {
  const folder = t.testdir({});
  await symlink(join(packageHome, "bin/edgeimg"), join(folder, "edgeimg"));
  const { stdout } = await run(join(folder, "edgeimg"), ["version"], { cwd: "/" });
  t.match(stdout, /^edgeimg \d+\.\d+\.\d+, Node /);
});
