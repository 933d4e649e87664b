import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import ts from "typescript";
import { globalsFile } from "../../src/steps/app-globals.js";

const recipe = fileURLToPath(new URL("../../recipes/runtime/", import.meta.url));

/** What an editor offers with the `lib` and `types` of the examples' tsconfig.json. */
t.test(
  "editors offer the globals that the device has, and but one that it has not: Intl, of TypeScript's own ES5",
  (t) => {
    const globals = globalsFile.parse(JSON.parse(readFileSync(`${recipe}globals.json`, "utf8")));
    const there = new Set([...globals.language, ...Object.keys(globals.runtime)]);
    const declarations = `${recipe}types/edge.d.ts`;
    const program = ts.createProgram([declarations], { lib: ["lib.es2022.d.ts"], types: [] });
    const file = program.getSourceFile(declarations);
    if (file === undefined) throw new Error("edge.d.ts is not there");
    const declared = program
      .getTypeChecker()
      .getSymbolsInScope(file, ts.SymbolFlags.Value)
      .map(({ name }) => name)
      // Modules count as values.
      .filter((name) => !name.startsWith('"edge:'));
    t.same(
      declared.filter((name) => !there.has(name)),
      ["Intl"],
    );
    t.same(
      [...there].filter((name) => !declared.includes(name)),
      ["InternalError"],
      "QuickJS's own",
    );
    t.ok("Intl" in globals.missing, "a build refuses it");
    t.end();
  },
);
