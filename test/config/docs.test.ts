import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { converter } from "../../src/catalog/converter.js";
import { engineOperators } from "../../src/catalog/operators.js";
import { sources } from "../../src/catalog/source.js";
import { tool } from "../../src/catalog/tool.js";
import { loadProject } from "../../src/config/load.js";
import { parseYaml } from "../../src/formats/yaml.js";
import type { ModelPorts } from "../../src/steps/model-ports.js";
import { modelTypes } from "../../src/steps/model-types.js";

/** What users copy from the docs: TypeScript compiles against the app's types, YAML is read by the loader. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const files = [
  "README.md",
  ...readdirSync(join(home, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];
const blocks = (language: string) =>
  files.flatMap((file) => {
    const text = readFileSync(join(home, file), "utf8");
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
      ([, code = ""], index) => ({
        name: `${file} ${language} ${index + 1}`,
        code,
      }),
    );
  });

t.test("TypeScript in the docs compiles against the app's types", async (t) => {
  const found = blocks("ts");
  t.ok(found.length >= 2);
  const folder = t.testdir();
  for (const [index, { code }] of found.entries())
    writeFileSync(join(folder, `block${index}.ts`), `${code}\nexport {};\n`);
  const { compilerOptions } = JSON.parse(readFileSync(join(home, "examples/reader/tsconfig.json"), "utf8"));
  // The project that the docs speak of has one model.
  const classify: Pick<ModelPorts, "inputs" | "outputs"> = {
    inputs: [{ name: "image", type: "f32", allowed: { shapes: [[1, 3, 224, 224]] } }],
    outputs: [{ name: "probabilities", type: "f32" }],
  };
  writeFileSync(join(folder, "models.d.ts"), modelTypes({ classify }));
  const include = ["*.ts", join(home, "recipes/runtime/types/edge.d.ts")];
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
  try {
    execFileSync(process.execPath, [join(home, "node_modules/typescript/lib/tsc.js"), "-p", folder], {
      encoding: "utf8",
    });
  } catch (error) {
    const names = found.map(({ name }, index) => `block${index}.ts: ${name}`).join("\n");
    t.fail(`${(error as { stdout?: string }).stdout}\n${names}`);
  }
});

t.test("YAML in the docs is read, as a whole project or as part of one", async (t) => {
  const found = blocks("yaml");
  t.ok(found.length >= 3);
  const head = "format: 1\nname: x\napp: { entry: main.ts }\n";
  for (const { name, code } of found) {
    const value = parseYaml(code, name).value;
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    // Parts of recipes have keys of their own.
    if (keys.includes("sources")) {
      t.doesNotThrow(() => sources.parse(Reflect.get(value ?? {}, "sources")), name);
      continue;
    }
    if (keys.includes("operators")) {
      t.doesNotThrow(() => engineOperators.parse(Reflect.get(value ?? {}, "operators")), name);
      continue;
    }
    if (keys.includes("environment")) {
      t.doesNotThrow(() => tool.parse(value), name);
      continue;
    }
    if (keys.includes("outputs")) {
      t.doesNotThrow(() => converter.parse(value), name);
      continue;
    }
    const whole = ["format", "name", "app"].map((key) =>
      keys.includes(key) ? "" : `${head.split("\n").find((line) => line.startsWith(key))}\n`,
    );
    t.doesNotThrow(() => loadProject(`${whole.join("")}${code}`, name), name);
  }
});
