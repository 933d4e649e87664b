// Lets `node --import ./test/typescript.mjs --test` run TypeScript without anything to install: types are stripped by Node where it
// can (22.13 and newer), else by the TypeScript that edgeimg brings. What is imported as ./x.js may be ./x.ts.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import module, { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

// Node loads this file a second time, in the thread that asks the two functions below.
if (isMainThread) module.register(import.meta.url);

export async function resolve(specifier, context, next) {
  if (specifier.startsWith("edge:")) {
    throw new Error(`${specifier} is on the device only: keep what is tested here in files that import no more than its types`);
  }
  if (specifier.startsWith(".") && specifier.endsWith(".js") && context.parentURL !== undefined) {
    const typed = new URL(specifier.replace(/\.js$/, ".ts"), context.parentURL);
    if (existsSync(typed)) return await next(typed.href, context);
  }
  return await next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return await next(url, context);
  const path = fileURLToPath(url);
  return { format: "module", source: stripTypes(readFileSync(path, "utf8"), path), shortCircuit: true };
}

function stripTypes(text, path) {
  if (module.stripTypeScriptTypes !== undefined) return module.stripTypeScriptTypes(text);
  const typescript = edgeimgTypescript();
  const compilerOptions = { target: "ES2022", module: "ESNext", verbatimModuleSyntax: true, inlineSourceMap: true };
  return typescript.transpileModule(text, { fileName: path, compilerOptions }).outputText;
}

function edgeimgTypescript() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const program = join(folder, "edgeimg");
    if (existsSync(program)) return createRequire(realpathSync(program))("typescript");
  }
  throw new Error("this Node cannot strip types: put `edgeimg` on the PATH, or use Node 22.13 or newer");
}
