import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import ts from "typescript";
import { loadCatalog } from "../../src/catalog/catalog.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const files = readdirSync(join(home, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

/** Names of the catalog that are words for something else, too: that is what the code means by them. */
const otherWords: Readonly<Record<string, string>> = {
  cmake: "a kind of `build` in recipes",
  cp: "a function of Node's file system",
  edge: "the interface of apps and models, edge:nn and model.edge, as the product has it",
  gzip: "a compression, in the kernel's and the firmware's words",
  jpeg: "a format of pictures",
  mkdir: "a function of Node's file system",
  ninja: "CMake's word for how it builds",
  truncate: "a function of Node's file system",
  zstd: "a compression, in Node's and squashfs' words",
};

/** What may name a member of the catalog: file, name, reason. One that is no longer needed has to go. */
const allowed: readonly (readonly [file: string, name: string, reason: string])[] = [
  ["api/buildroot/check.ts", "python3", "what Buildroot's own style checker runs on"],
  ["api/buildroot/run-tool.ts", "python3", "what Buildroot's manual asks of the host"],
  ["builders/buildroot/board-files.ts", "genimage", "a file of the tree, called as Buildroot's script wants it"],
  ["builders/buildroot/common-files.ts", "busybox", "a file of the tree, called as Buildroot calls its own"],
  ["builders/buildroot/defconfig.ts", "busybox", "a symbol of Buildroot, and the file that it names"],
  ["builders/buildroot/defconfig.ts", "dosfstools", "a symbol of Buildroot: its genimage needs it"],
  ["builders/buildroot/defconfig.ts", "genimage", "Buildroot's script and symbol that make the card"],
  ["builders/buildroot/defconfig.ts", "mtools", "a symbol of Buildroot: its genimage needs it"],
  ["builders/buildroot/tree.ts", "busybox", "a file of the tree that is the user's, named as above"],
  ["builders/debian/card.ts", "genimage", "names of files within steps, part of their keys"],
  ["catalog/check.ts", "onnxruntime", "the value of `against` in projects' files, in the one place that has it"],
  ["errors/codes.ts", "quickjs", "a help text says what apps run on"],
  ["model/external-data.ts", "tflite", "an option of a converter to ONNX, in a remedy"],
  ["steps/app.ts", "quickjs", "a remedy says what apps run on"],
];

/**
 * All that the catalog names: boards, engines, tools, the distribution, packages and programs. The word Debian is left out: it is a
 * builder's, a room of code.
 */
async function catalogNames(): Promise<Set<string>> {
  const { boards, engines, converters, tools, distribution, init, runtime, kernels } = await loadCatalog(
    home.replace(/\/$/, ""),
    undefined,
  );
  const programs = Object.values(distribution.tools).flatMap((set) =>
    "programs" in set ? Object.values(set.programs) : [],
  );
  const names = [
    ...[...boards.values()].flatMap(({ name, boot, buildroot }) => [name, ...boot.packages, buildroot?.firmware]),
    ...[...engines.values()].flatMap(({ recipe: { name, title, license, packages } }) => [
      ...[name, title, license.package],
      ...Object.values(packages).flat(),
    ]),
    ...[...converters.values()].map(({ converter }) => converter.name),
    ...[...tools.values()].flatMap(({ tool: { name, environment } }) => [
      name,
      ...("packages" in environment ? environment.packages : []),
    ]),
    ...[distribution.name, ...distribution.suites, distribution.security, distribution.container],
    ...[...Object.values(distribution.keyringPackages), ...distribution.sysroot],
    ...Object.values(distribution.tools).flatMap((set) => set.packages),
    ...Object.values(distribution.kernel.packages),
    ...programs.map((path) => basename(path)),
    ...[init, init.ssh].flatMap((part) => [...part.packages, ...part.programs.map((path) => basename(path))]),
    ...[runtime, kernels].flatMap((recipe) => [
      ...Object.values(recipe.packages).flat(),
      ...recipe.buildroot.packages,
      ...recipe.programs.map(({ output }) => output),
    ]),
  ];
  return new Set(names.flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])));
}

/** The texts of a file's literals and identifiers, as words; imports' paths, types' names and examples left out. */
function textsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(home, "src", file), "utf8"), ts.ScriptTarget.Latest, true);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    // What help and schemas show may name a board and an engine.
    const named = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node) ? node.name.getText() : "";
    if (/examples$/i.test(named)) return;
    if (ts.isIdentifier(node)) texts.push(node.text.replace(/([a-z0-9])([A-Z])/g, "$1-$2"));
    else if (ts.isRegularExpressionLiteral(node) || ts.isStringLiteralLike(node)) texts.push(node.text);
    else if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts.map((text) => text.toLowerCase());
}

const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The longest names in a text: `busybox-static` is no busybox. */
function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([name]) => name);
}

t.test("no board, engine, tool, distribution, package or program is named in the code", async (t) => {
  const known = [...(await catalogNames())].filter((name) => otherWords[name] === undefined);
  const longest = known.sort((a, b) => b.length - a.length).map(escaped);
  const pattern = new RegExp(`(?<![a-z0-9])(?:${longest.join("|")})(?![a-z0-9])`, "g");
  const found = new Map<string, Set<string>>();
  for (const file of files)
    for (const text of textsOf(file))
      for (const name of namesIn(text, pattern)) found.set(file, (found.get(file) ?? new Set()).add(name));
  const isAllowed = (file: string, name: string) => allowed.some(([f, n]) => f === file && n === name);
  t.same(
    [...found].flatMap(([file, names]) =>
      [...names].flatMap((name) => (isAllowed(file, name) ? [] : [`${file}: ${name}`])),
    ),
    [],
  );
  t.same(
    allowed.filter(([file, name]) => !found.get(file)?.has(name)),
    [],
    "every exception is needed",
  );
  t.ok(known.includes("rpi4") && known.includes("busybox") && known.length > 60, `${known.length} names`);
});
