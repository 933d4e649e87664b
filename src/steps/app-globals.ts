import { SourceMap } from "node:module";
import type TypeScript from "typescript";
import type { Place } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";

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

/** Methods that take options which QuickJS ignores, and how many arguments are honoured. */
const localeMethods: Readonly<Record<string, number>> = {
  localeCompare: 1,
  toLocaleDateString: 0,
  toLocaleLowerCase: 0,
  toLocaleString: 0,
  toLocaleTimeString: 0,
  toLocaleUpperCase: 0,
};

interface Scope {
  readonly names: Set<string>;
  readonly parent: Scope | undefined;
  /** The scope that `var` belongs to. */
  readonly home: Scope | undefined;
}

/** Names that are known to be there, or "*" within a try that catches. */
interface Guards {
  readonly names: ReadonlySet<string>;
  readonly parent: Guards | undefined;
}

interface Reference {
  readonly name: string;
  /** A member that is read of it and that must be there. */
  readonly member?: string;
  readonly offset: number;
  readonly scope: Scope;
  readonly guards: Guards | undefined;
}

/**
 * Uses of globals that the device lacks in a bundle (one ES module), first use of each name, by place. `typeof X` itself and what
 * stands behind it are no uses (conditions, early returns, a variable that keeps the answer), nor is a try that catches.
 */
export function missingGlobals(ts: typeof TypeScript, code: string, globals: Globals): MissingGlobal[] {
  const file = ts.createSourceFile("main.js", code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const { references, defined, locales } = scan(ts, file);
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

function declared(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) if (at.names.has(name)) return true;
  return false;
}

function guarded(guards: Guards | undefined, name: string): boolean {
  for (let at = guards; at !== undefined; at = at.parent) if (at.names.has("*") || at.names.has(name)) return true;
  return false;
}

/** Collects declarations, references with their guards, and globals that the bundle itself sets. */
function scan(ts: typeof TypeScript, file: TypeScript.SourceFile) {
  const references: Reference[] = [];
  const defined = new Set<string>();
  const locales: [string, number][] = [];
  const testsOf = guardFinder(ts, file);
  type Item = { readonly node: TypeScript.Node; readonly scope: Scope; readonly guards: Guards | undefined };
  const inner = (parent: Scope | undefined, isHome: boolean): Scope => {
    const scope: Scope = { names: new Set(), parent, home: isHome ? undefined : (parent?.home ?? parent) };
    return scope;
  };
  const under = (guards: Guards | undefined, names: ReadonlySet<string>): Guards | undefined =>
    names.size === 0 ? guards : { names, parent: guards };
  const declare = (name: TypeScript.Node | undefined, scope: Scope): void => {
    if (name === undefined) return;
    if (ts.isIdentifier(name)) scope.names.add(name.text);
    else if (ts.isObjectBindingPattern(name) || ts.isArrayBindingPattern(name))
      for (const element of name.elements) if (ts.isBindingElement(element)) declare(element.name, scope);
  };
  const top = inner(undefined, true);
  // Nesting may be deeper than the stack.
  const stack: Item[] = [{ node: file, scope: top, guards: undefined }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, guards } = item;
    let { scope } = item;
    if (ts.isIdentifier(node)) {
      if (isReference(ts, node))
        references.push({ name: node.text, ...memberOf(ts, node), offset: node.getStart(file), scope, guards });
      continue;
    }
    if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) {
      if (ts.isFunctionDeclaration(node)) declare(node.name, scope);
      scope = inner(scope, true);
      if (ts.isFunctionExpression(node)) declare(node.name, scope);
      if (ts.isFunctionLike(node)) for (const parameter of node.parameters) declare(parameter.name, scope);
    } else if (ts.isClassLike(node)) {
      if (ts.isClassDeclaration(node)) declare(node.name, scope);
      scope = inner(scope, false);
      declare(node.name, scope);
    } else if (
      ts.isBlock(node) ||
      ts.isCaseBlock(node) ||
      ts.isIterationStatement(node, false) ||
      ts.isCatchClause(node)
    ) {
      scope = inner(scope, false);
      if (ts.isCatchClause(node)) declare(node.variableDeclaration?.name, scope);
    } else if (ts.isVariableDeclarationList(node)) {
      const isVar = (node.flags & ts.NodeFlags.BlockScoped) === 0;
      const target = isVar ? (scope.home ?? scope) : scope;
      for (const { name } of node.declarations) declare(name, target);
    } else if (ts.isImportClause(node) || ts.isNamespaceImport(node) || ts.isImportSpecifier(node)) {
      declare(node.name, scope);
    }
    noteGlobal(ts, node, { file, references, defined, locales, scope, guards });
    const push = (child: TypeScript.Node | undefined, names?: ReadonlySet<string>): void => {
      if (child !== undefined)
        stack.push({ node: child, scope, guards: names === undefined ? guards : under(guards, names) });
    };
    if (ts.isIfStatement(node)) {
      const names = testsOf(node.expression);
      push(node.expression);
      push(node.thenStatement, names);
      push(node.elseStatement, names);
    } else if (ts.isConditionalExpression(node)) {
      const names = testsOf(node.condition);
      push(node.condition);
      push(node.whenTrue, names);
      push(node.whenFalse, names);
    } else if (ts.isBinaryExpression(node) && isLogical(ts, node.operatorToken.kind)) {
      push(node.left);
      push(node.right, testsOf(node.left));
    } else if (ts.isSwitchStatement(node)) {
      push(node.expression);
      push(node.caseBlock, testsOf(node.expression));
    } else if (ts.isTryStatement(node)) {
      push(node.tryBlock, node.catchClause === undefined ? new Set() : new Set(["*"]));
      push(node.catchClause);
      push(node.finallyBlock);
    } else if (ts.isBlock(node) || ts.isSourceFile(node)) {
      let after = guards;
      for (const statement of node.statements) {
        stack.push({ node: statement, scope, guards: after });
        if (ts.isIfStatement(statement) && leaves(ts, statement.thenStatement))
          after = under(after, testsOf(statement.expression));
      }
    } else {
      ts.forEachChild(node, (child) => push(child));
    }
  }
  return { references, defined, locales };
}

interface Notes {
  readonly file: TypeScript.SourceFile;
  readonly references: Reference[];
  readonly defined: Set<string>;
  readonly locales: [string, number][];
  readonly scope: Scope;
  readonly guards: Guards | undefined;
}

/** `globalThis.X = ...` gives X; `globalThis.X.y` and `globalThis.X()` need it; locales are asked of methods. */
function noteGlobal(ts: typeof TypeScript, node: TypeScript.Node, notes: Notes): void {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const path = node.expression.text === "globalThis" ? node.name.text : `${node.expression.text}.${node.name.text}`;
    if (isAssigned(ts, node)) notes.defined.add(path);
    else if (node.expression.text === "globalThis" && mustExist(ts, node))
      notes.references.push({ ...notes, name: path, ...memberOf(ts, node), offset: node.getStart(notes.file) });
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
  const [target, key] = node.arguments;
  const method = node.expression.name.text;
  if (
    method === "defineProperty" &&
    target?.getText(notes.file) === "globalThis" &&
    key !== undefined &&
    ts.isStringLiteralLike(key)
  )
    notes.defined.add(key.text);
  const honoured = Object.hasOwn(localeMethods, method) ? localeMethods[method] : undefined;
  if (honoured !== undefined && node.arguments.length > honoured && !guarded(notes.guards, "Intl"))
    notes.locales.push([`${method} with a locale or options`, node.expression.name.getStart(notes.file)]);
}

/** A member that is read of `node` and called or looked into, so that it must be there. */
function memberOf(ts: typeof TypeScript, node: TypeScript.Node): { readonly member?: string } {
  const { parent } = node;
  if (!ts.isPropertyAccessExpression(parent) || parent.expression !== node || !mustExist(ts, parent)) return {};
  return isAssigned(ts, parent) ? {} : { member: parent.name.text };
}

/** Whether the value is called, constructed or looked into, without `?.`. */
function mustExist(ts: typeof TypeScript, node: TypeScript.Expression): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) || ts.isElementAccessExpression(parent) || ts.isCallExpression(parent))
    return parent.expression === node && parent.questionDotToken === undefined;
  return ts.isNewExpression(parent) && parent.expression === node;
}

function isAssigned(ts: typeof TypeScript, node: TypeScript.Node): boolean {
  const { parent } = node;
  if (!ts.isBinaryExpression(parent) || parent.left !== node) return false;
  const { kind } = parent.operatorToken;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

function isLogical(ts: typeof TypeScript, kind: TypeScript.SyntaxKind): boolean {
  const { AmpersandAmpersandToken, BarBarToken, QuestionQuestionToken } = ts.SyntaxKind;
  return kind === AmpersandAmpersandToken || kind === BarBarToken || kind === QuestionQuestionToken;
}

/** Whether control never passes the end of a statement. */
function leaves(ts: typeof TypeScript, statement: TypeScript.Statement): boolean {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement;
  return (
    last !== undefined &&
    (ts.isReturnStatement(last) || ts.isThrowStatement(last) || ts.isBreakOrContinueStatement(last))
  );
}

/** Whether an identifier reads or writes a variable, and is not a name of something else nor the operand of typeof. */
function isReference(ts: typeof TypeScript, node: TypeScript.Identifier): boolean {
  const { parent } = node;
  if (node.text === "") return false;
  if (ts.isTypeOfExpression(parent)) return false;
  // Packages that take many kinds of values ask so, in functions that an app here has no use for (zod's z.file()).
  if (
    ts.isBinaryExpression(parent) &&
    parent.right === node &&
    parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword
  )
    return false;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isShorthandPropertyAssignment(parent))
    return parent.name === node || parent.objectAssignmentInitializer === node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isPropertyDeclaration(parent))
    return parent.initializer === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isFunctionLike(parent)) return ts.isArrowFunction(parent) && parent.body === node;
  if (ts.isClassLike(parent) || ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false;
  if (ts.isImportClause(parent) || ts.isNamespaceImport(parent) || ts.isImportSpecifier(parent)) return false;
  return !ts.isExportSpecifier(parent) && !ts.isNamespaceExport(parent) && !ts.isMetaProperty(parent);
}

/** Gives the names that an expression asks for: `typeof X`, `globalThis.X`, `console.table`, `"X" in globalThis`, or a variable made so. */
function guardFinder(ts: typeof TypeScript, file: TypeScript.SourceFile) {
  const aliases = new Map<string, ReadonlySet<string>>();
  const asked = (expression: TypeScript.Node): Set<string> => {
    const names = new Set<string>();
    const stack: TypeScript.Node[] = [expression];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (ts.isFunctionLike(node)) continue;
      if (ts.isTypeOfExpression(node)) {
        const { expression: operand } = node;
        if (ts.isIdentifier(operand)) names.add(operand.text);
      }
      if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
        const base = node.expression.text;
        if (base === "globalThis") names.add(node.name.text);
        else if (!ts.isCallExpression(node.parent)) names.add(`${base}.${node.name.text}`);
      }
      if (
        ts.isBinaryExpression(node) &&
        node.operatorToken.kind === ts.SyntaxKind.InKeyword &&
        ts.isStringLiteralLike(node.left)
      )
        names.add(node.left.text);
      if (ts.isIdentifier(node)) for (const name of aliases.get(node.text) ?? []) names.add(name);
      ts.forEachChild(node, (child) => void stack.push(child));
    }
    return names;
  };
  const stack: TypeScript.Node[] = [file];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      const names = asked(node.initializer);
      if (names.size > 0) aliases.set(node.name.text, new Set([...names, ...(aliases.get(node.name.text) ?? [])]));
    }
    ts.forEachChild(node, (child) => void stack.push(child));
  }
  return asked;
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
