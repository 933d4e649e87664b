// The module hooks of typescript.mjs: https://nodejs.org/docs/latest-v20.x/api/module.html#customization-hooks
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const home = new URL("../", import.meta.url).href;
const modules = new URL("node_modules/", home).href;
const kept = fileURLToPath(new URL(".cache/typescript/", modules));
const ours = (url) => url.startsWith(home) && !url.startsWith(modules);

/**
 * Sources import each other by the name of what they are compiled to, as TypeScript wants it. A mocked module, which has a query, and what
 * it imports are looked up by the hooks of the mocks first.
 */
export async function resolve(specifier, context, next) {
  const mocked = specifier.includes("?") || (context.parentURL ?? "").includes("?");
  if (!mocked && specifier.startsWith(".") && specifier.endsWith(".js")) {
    const url = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
    if (ours(url.href) && existsSync(url)) return { url: url.href, format: "module", shortCircuit: true };
  }
  if (!mocked) return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    return next(specifier.replace(/\.js(?=$|\?)/, ".ts"), context);
  }
}

export async function load(url, context, next) {
  const { pathname } = new URL(url);
  if (!pathname.endsWith(".ts") || !ours(url)) return next(url, context);
  return { format: "module", source: await compiled(fileURLToPath(url)), shortCircuit: true };
}

/** The map of lines is part of the text, so that a failing assertion names the line of the source. */
async function compiled(path) {
  const source = readFileSync(path);
  const place = `${kept}${createHash("sha256").update(path).update("\0").update(source).digest("hex")}`;
  if (existsSync(place)) return readFileSync(place, "utf8");
  const { transform } = await import("esbuild");
  const { code } = await transform(source, { loader: "ts", target: "node20", sourcemap: "inline", sourcefile: path });
  mkdirSync(kept, { recursive: true });
  const aside = `${place}.${process.pid}`;
  writeFileSync(aside, code);
  renameSync(aside, place);
  return code;
}
