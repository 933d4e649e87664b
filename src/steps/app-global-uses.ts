import type TypeScript from "typescript";
import { type Guards, guarded, guardedChildren, guardFinder } from "./app-global-guards.js";

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

interface Reference {
  readonly name: string;
  /** A member that is read of it and that must be there. */
  readonly member?: string;
  readonly offset: number;
  readonly scope: Scope;
  readonly guards: Guards | undefined;
}

export function declared(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) if (at.names.has(name)) return true;
  return false;
}

/** Collects declarations, references with their guards, and globals that the bundle itself sets. */
export function scanGlobals(ts: typeof TypeScript, file: TypeScript.SourceFile) {
  const references: Reference[] = [];
  const defined = new Set<string>();
  const locales: [string, number][] = [];
  const testsOf = guardFinder(ts, file);
  // Nesting may be deeper than the stack.
  const stack: Item[] = [{ node: file, scope: innerScope(undefined, { isHome: true }), guards: undefined }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, guards } = item;
    if (ts.isIdentifier(node)) {
      if (isReference(ts, node))
        references.push({
          name: node.text,
          ...memberOf(ts, node),
          offset: node.getStart(file),
          scope: item.scope,
          guards,
        });
      continue;
    }
    const scope = declareNames(ts, node, item.scope);
    noteGlobal(ts, node, { file, references, defined, locales, scope, guards });
    for (const [child, under] of guardedChildren(ts, { node, guards }, testsOf))
      stack.push({ node: child, scope, guards: under });
  }
  return { references, defined, locales };
}

interface Item {
  readonly node: TypeScript.Node;
  readonly scope: Scope;
  readonly guards: Guards | undefined;
}

/** `isHome`: `var` belongs to it. */
function innerScope(parent: Scope | undefined, { isHome }: { readonly isHome: boolean }): Scope {
  return { names: new Set(), parent, home: isHome ? undefined : (parent?.home ?? parent) };
}

/** Notes the names that a node declares, where they belong; gives the scope of what is in it. */
function declareNames(ts: typeof TypeScript, node: TypeScript.Node, outer: Scope): Scope {
  const declare = (name: TypeScript.Node | undefined, scope: Scope): void => {
    if (name === undefined) return;
    if (ts.isIdentifier(name)) scope.names.add(name.text);
    else if (ts.isObjectBindingPattern(name) || ts.isArrayBindingPattern(name))
      for (const element of name.elements) if (ts.isBindingElement(element)) declare(element.name, scope);
  };
  if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) {
    if (ts.isFunctionDeclaration(node)) declare(node.name, outer);
    const scope = innerScope(outer, { isHome: true });
    if (ts.isFunctionExpression(node)) declare(node.name, scope);
    if (ts.isFunctionLike(node)) for (const parameter of node.parameters) declare(parameter.name, scope);
    return scope;
  }
  if (ts.isClassLike(node)) {
    if (ts.isClassDeclaration(node)) declare(node.name, outer);
    const scope = innerScope(outer, { isHome: false });
    declare(node.name, scope);
    return scope;
  }
  if (ts.isBlock(node) || ts.isCaseBlock(node) || ts.isIterationStatement(node, false) || ts.isCatchClause(node)) {
    const scope = innerScope(outer, { isHome: false });
    if (ts.isCatchClause(node)) declare(node.variableDeclaration?.name, scope);
    return scope;
  }
  if (ts.isVariableDeclarationList(node)) {
    const isVar = (node.flags & ts.NodeFlags.BlockScoped) === 0;
    const target = isVar ? (outer.home ?? outer) : outer;
    for (const { name } of node.declarations) declare(name, target);
  } else if (ts.isImportClause(node) || ts.isNamespaceImport(node) || ts.isImportSpecifier(node)) {
    declare(node.name, outer);
  }
  return outer;
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
