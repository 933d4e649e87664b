// Runs TypeScript of `src/` and `test/` as it is, for each process of the tests: types are left out by esbuild, once for each content.
//   node --import ./test/typescript.mjs FILE.ts
import { register } from "node:module";

register("./typescript-hooks.mjs", import.meta.url);
