import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import ts from "typescript";

const home = fileURLToPath(new URL("../../", import.meta.url));
const longest = 60;

/** Flat lists, which cuts would only make harder to read: file, function, reason. One that is no longer needed has to go. */
const allowed: readonly (readonly [file: string, name: string, reason: string])[] = [];

interface Long {
  readonly name: string;
  readonly lines: number;
}

/** The functions of a text that have more lines than they may, with those that they lie in. */
function longFunctions(file: string, text: string): Long[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const found: Long[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const lines = lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
      if (lines > longest) found.push({ name: nameOf(node), lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A function's own name, or that of what it is given to. */
function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : "a function";
}

t.test("a function's lines are counted, of whatever form it is", async (t) => {
  const body = (lines: number) => `{\n${"  f();\n".repeat(lines - 2)}}`;
  const names = (text: string) => longFunctions("a.ts", text).map(({ name, lines }) => `${name} ${lines}`);
  t.same(names(`export function one() ${body(60)}`), []);
  t.same(names(`/** Its comment\n * is no part. */\nexport function one() ${body(61)}`), ["one 61"]);
  t.same(names(`const one = async () => ${body(61)};`), ["one 61"]);
  t.same(names(`export const kind = { run() ${body(61)}, end: () => ${body(62)} };`), ["run 61", "end 62"]);
  t.same(names(`function outer() {\n  [].map(() => ${body(61)});\n}`), ["outer 63", "a function 61"]);
});

t.test(`no function has more than ${longest} lines, but for flat lists`, async (t) => {
  const files = readdirSync(join(home, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  t.ok(files.length > 200, `${files.length} files are looked at`);
  const found = files.flatMap((file) =>
    longFunctions(file, readFileSync(join(home, "src", file), "utf8")).map((one) => ({ file, ...one })),
  );
  const isAllowed = (file: string, name: string) => allowed.some((one) => one[0] === file && one[1] === name);
  t.same(
    found.filter(({ file, name }) => !isAllowed(file, name)),
    [],
  );
  t.same(
    allowed.filter(([file, name]) => !found.some((one) => one.file === file && one.name === name)),
    [],
    "nothing is allowed that need not be",
  );
});
