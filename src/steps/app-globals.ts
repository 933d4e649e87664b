import { SourceMap } from "node:module";
import type TypeScript from "typescript";
import type { Place } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { guarded } from "./app-global-guards.js";
import { declared, scanGlobals } from "./app-global-uses.js";

/** recipes/runtime/globals.json: what is global on the device, and what to do without the rest. */
export const globalsFile = z.strictObject({
  /** Of ECMAScript. */
  language: z.array(z.string()),
  /** Others, with how they differ from the standard. */
  runtime: z.record(z.string(), z.string()),
  /** All members of globals that have fewer than the standard. */
  members: z.record(z.string(), z.array(z.string())),
  /** What other platforms have, with a remedy. */
  missing: z.record(z.string(), z.string()),
});
export type Globals = z.infer<typeof globalsFile>;

export interface MissingGlobal {
  /** `Buffer`, `console.table`, `toLocaleString("de")`: what the device lacks. */
  readonly name: string;
  /** Where the bundle uses it, in UTF-16 units. */
  readonly offset: number;
}

/**
 * Uses of globals that the device lacks in a bundle (one ES module), first use of each name, by place. `typeof X` itself and what
 * stands behind it are no uses (conditions, early returns, a variable that keeps the answer), nor is a try that catches.
 */
export function missingGlobals(ts: typeof TypeScript, code: string, globals: Globals): MissingGlobal[] {
  const file = ts.createSourceFile("main.js", code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const { references, defined, locales } = scanGlobals(ts, file);
  const known = new Set([...globals.language, ...Object.keys(globals.runtime), ...defined, "arguments"]);
  const found = new Map<string, number>();
  const add = (name: string, offset: number): void => {
    found.set(name, Math.min(offset, found.get(name) ?? offset));
  };
  for (const { name, member, offset, scope, guards } of references) {
    if (declared(scope, name) || guarded(guards, name)) continue;
    const members = Object.hasOwn(globals.members, name) ? globals.members[name] : undefined;
    if (!known.has(name)) add(name, offset);
    else if (member !== undefined && members !== undefined && !members.includes(member)) {
      if (!guarded(guards, `${name}.${member}`) && !defined.has(`${name}.${member}`)) add(`${name}.${member}`, offset);
    }
  }
  for (const [name, offset] of locales) add(name, offset);
  return [...found].map(([name, offset]) => ({ name, offset })).sort((a, b) => a.offset - b.offset);
}

/** Where something of the bundle stands in the sources. */
export function originalPlace(code: string, offset: number, map: string): Place {
  const before = code.slice(0, offset);
  const line = before.split("\n").length - 1;
  const entry = new SourceMap(JSON.parse(map)).findEntry(line, offset - (before.lastIndexOf("\n") + 1));
  if (!("originalSource" in entry)) return { file: "main.js", line: line + 1 };
  return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

/** What to do about it, for the error's hint. */
export function remedyFor(name: string, globals: Globals): string {
  const own = Object.hasOwn(globals.missing, name) ? globals.missing[name] : undefined;
  if (own !== undefined) return own;
  const members = globals.members[name.split(".")[0] ?? ""];
  if (members !== undefined) return `The runtime has ${members.join(", ")} of it.`;
  if (name.includes(" "))
    return "The runtime has no locales: leave the arguments out, or format with toFixed and padStart.";
  return "Declare or import it, or set it as a property of globalThis before it is used.";
}
