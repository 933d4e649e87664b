import { createRequire } from "node:module";
import type TypeScript from "typescript";

/**
 * The TypeScript compiler as a library. By `require`: of a CommonJS package that is imported Node looks through the whole text twice, for its kind and
 * for names that it exports, which takes longer than to run it.
 */
export function loadTypeScript(): typeof TypeScript {
  return createRequire(import.meta.url)("typescript") as typeof TypeScript;
}
