import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join, relative } from "node:path";
import type * as Esbuild from "esbuild";
import type TypeScript from "typescript";
import { EdgeimgError, type Place } from "../errors/edgeimg-error.js";
import { loadTypeScript } from "../ground/load-typescript.js";
import * as z from "../ground/zod.js";
import { captureProcess } from "../process/capture-process.js";
import { globalsFile, missingGlobals, originalPlace, remedyFor } from "./app-globals.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { modelTypesFile } from "./model-types.js";

/**
 * Bundles the app into one ES module with esbuild: `main.js` and `main.js.map`. Modules named `edge:*` are the runtime's.
 * Throws ERR_EDGEIMG_APP_BUNDLE, and ERR_EDGEIMG_APP_GLOBAL when it uses a global that the runtime lacks, with file, line and column.
 */
export const bundleKind = defineKind({
  name: "bundle",
  version: 2,
  params: z.strictObject({
    entry: z.string(),
    /** Of esbuild: another version may give other bytes. */
    esbuild: z.string(),
    /** Of the compiler whose parser looks for globals. */
    typescript: z.string(),
  }),
  async run({ entry }, { inputs, out, work }) {
    const project = await projectFolder(inputs, work);
    await requireEntry(project, entry);
    // Loaded when they are needed: most builds find the bundle in the store. By require, which is faster (ground/load-typescript.ts).
    const { build } = createRequire(import.meta.url)("esbuild") as typeof Esbuild;
    const bundling = build({
      absWorkingDir: project,
      entryPoints: [entry],
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      target: "es2022",
      external: ["edge:*"],
      // As every bundler does: packages ask for it, and there is no process.
      define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
      outfile: join(out, "main.js"),
      sourcemap: "external",
      sourcesContent: false,
      sourceRoot: "",
      legalComments: "none",
      charset: "utf8",
      minifySyntax: true,
      minifyWhitespace: true,
      preserveSymlinks: true,
      logLevel: "silent",
      write: false,
    });
    // esbuild is a process of its own: while it works, this one has time to read the parser's nine megabytes.
    const typescript = loadTypeScript();
    const result = await bundling.catch((error: { errors?: readonly Esbuild.Message[] }) => {
      const [first] = error.errors ?? [];
      if (first === undefined) throw error;
      throw new EdgeimgError("ERR_EDGEIMG_APP_BUNDLE", `The app cannot be bundled: ${first.text}.`, {
        ...(first.location === null
          ? {}
          : { place: { file: first.location.file, line: first.location.line, column: first.location.column + 1 } }),
        details: (error.errors ?? [])
          .slice(1, 6)
          .map((one) => `${one.location?.file ?? ""}:${one.location?.line ?? ""} ${one.text}`),
        hint: "Apps run on QuickJS: ECMAScript 2022 and the modules edge:*, without Node's or a browser's.",
      });
    });
    const texts = new Map<string, string>();
    for (const { path, contents, text } of result.outputFiles) {
      const name = basename(path);
      texts.set(name, name.endsWith(".map") ? relativeSources(contents, relative(out, project)) : text);
    }
    await checkGlobals({
      typescript,
      code: texts.get("main.js") ?? "",
      map: texts.get("main.js.map") ?? "{}",
      recipe: inputFolder(inputs, "runtime"),
    });
    for (const [name, text] of texts) await writeFile(join(out, name), text);
  },
});

interface GlobalsJob {
  readonly typescript: typeof TypeScript;
  readonly code: string;
  readonly map: string;
  /** recipes/runtime. */
  readonly recipe: string;
}

async function checkGlobals({ typescript, code, map, recipe }: GlobalsJob): Promise<void> {
  const globals = globalsFile.parse(JSON.parse(await readFile(join(recipe, "globals.json"), "utf8")));
  const missing = missingGlobals(typescript, code, globals);
  const [first, ...others] = missing;
  if (first === undefined) return;
  const places = others.slice(0, 9).map(({ name, offset }) => {
    const { file, line = 0, column = 0 } = originalPlace(code, offset, map);
    return `${file}:${line}:${column}: ${name}. ${remedyFor(name, globals)}`;
  });
  throw new EdgeimgError("ERR_EDGEIMG_APP_GLOBAL", `The device has no ${first.name}.`, {
    place: originalPlace(code, first.offset, map),
    details: places,
    hint: `${remedyFor(first.name, globals)} Code that asks first (typeof ${first.name.split(/[. ]/)[0] ?? ""}) is fine.`,
  });
}

/** A source map names sources relative to itself; the place of the work folder must not show. */
function relativeSources(map: Uint8Array, prefix: string): string {
  const parsed: { sources: string[] } = JSON.parse(Buffer.from(map).toString("utf8"));
  const sources = parsed.sources.map((source) =>
    source.startsWith(`${prefix}/`) ? source.slice(prefix.length + 1) : source,
  );
  return JSON.stringify({ ...parsed, sources });
}

/**
 * Type-checks the app with the project's tsconfig.json, the runtime's declarations and those of the project's models, which are
 * the input `models`. Throws ERR_EDGEIMG_APP_TYPES.
 */
export const typecheckKind = defineKind({
  name: "typecheck",
  version: 3,
  params: z.strictObject({ entry: z.string(), typescript: z.string() }),
  async run({ entry }, { inputs, out, work, services }) {
    const project = await projectFolder(inputs, work);
    await requireEntry(project, entry);
    const declarations = join(work, "edge.d.ts");
    await symlink(join(inputFolder(inputs, "runtime"), "types/edge.d.ts"), declarations);
    const ofModels = join(work, modelTypesFile);
    await symlink(join(inputFolder(inputs, "models"), modelTypesFile), ofModels);
    const file = join(work, "tsconfig.json");
    const files = [join(project, entry), declarations, ofModels];
    await writeFile(file, JSON.stringify(await compilerConfig(project, files)));
    const compiler = createRequire(import.meta.url).resolve("typescript/lib/tsc.js");
    const result = await captureProcess({
      program: process.execPath,
      args: [compiler, "--project", file, "--pretty", "false"],
      cwd: project,
      env: {},
      signal: services.signal,
    });
    const problems = diagnostics(result.stdout);
    const [first, ...others] = problems;
    if (first !== undefined) {
      throw new EdgeimgError("ERR_EDGEIMG_APP_TYPES", `${first.message}`, {
        place: first.place,
        details: others
          .slice(0, 9)
          .map((one) => `${one.place.file}:${one.place.line}:${one.place.column}: ${one.message}`),
        hint: "Correct the types; `npx tsc` in the project and your editor show the same errors.",
      });
    }
    if (result.exitCode !== 0) {
      throw new EdgeimgError("ERR_EDGEIMG_APP_TYPES", "The TypeScript compiler refused the project.", {
        details: result.stdout.split("\n").slice(-6),
        hint: "Check the project's tsconfig.json.",
      });
    }
    await writeFile(join(out, "checked.txt"), `${entry}\n`);
  },
});

/** What the compiler is told: the project's own options, strict ones where it has none, and the files alone. */
async function compilerConfig(project: string, files: readonly string[]): Promise<object> {
  const own = join(project, "tsconfig.json");
  const hasOwn = await exists(own);
  const strict = {
    target: "ES2022",
    lib: ["ES2022"],
    module: "ESNext",
    moduleResolution: "Bundler",
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
  };
  return {
    ...(hasOwn ? { extends: own } : {}),
    compilerOptions: {
      ...(hasOwn ? {} : strict),
      noEmit: true,
      composite: false,
      incremental: false,
      types: [],
      typeRoots: [],
      preserveSymlinks: true,
    },
    files,
    include: [],
  };
}

function diagnostics(text: string): { place: Place; message: string }[] {
  return text.split("\n").flatMap((line) => {
    const found = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line);
    if (found === null) return [];
    const [, file = "", row = "", column = "", message = ""] = found;
    return [{ place: { file, line: Number(row), column: Number(column) }, message }];
  });
}

/** The project below a folder of a fixed name, so that no digest shows in paths. */
async function projectFolder(inputs: Readonly<Record<string, string>>, work: string): Promise<string> {
  const folder = join(work, "project");
  if (!(await exists(folder))) {
    await mkdir(folder);
    if (inputs.dependencies !== undefined) await symlink(inputs.dependencies, join(folder, "node_modules"));
    const source = inputFolder(inputs, "project");
    for (const name of await readdir(source)) await symlink(join(source, name), join(folder, name));
  }
  return folder;
}

async function requireEntry(project: string, entry: string): Promise<void> {
  if (await exists(join(project, entry))) return;
  throw new EdgeimgError("ERR_EDGEIMG_APP_MISSING", `The app's entry ${entry} does not exist.`, {
    hint: "Correct `app.entry` in edgeimg.yaml, or create the file.",
  });
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
