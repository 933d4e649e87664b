import type TypeScript from "typescript";

/** Names that are known to be there, or "*" within a try that catches. */
export interface Guards {
  readonly names: ReadonlySet<string>;
  readonly parent: Guards | undefined;
}

export function guarded(guards: Guards | undefined, name: string): boolean {
  for (let at = guards; at !== undefined; at = at.parent) if (at.names.has("*") || at.names.has(name)) return true;
  return false;
}

/** A node's children, each with what is known to be there when it runs. */
export function guardedChildren(
  ts: typeof TypeScript,
  { node, guards }: { readonly node: TypeScript.Node; readonly guards: Guards | undefined },
  testsOf: ReturnType<typeof guardFinder>,
): readonly (readonly [TypeScript.Node, Guards | undefined])[] {
  const children: (readonly [TypeScript.Node, Guards | undefined])[] = [];
  const under = (outer: Guards | undefined, names: ReadonlySet<string>): Guards | undefined =>
    names.size === 0 ? outer : { names, parent: outer };
  const push = (child: TypeScript.Node | undefined, names: ReadonlySet<string> = new Set()): void => {
    if (child !== undefined) children.push([child, under(guards, names)]);
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
      children.push([statement, after]);
      if (ts.isIfStatement(statement) && leaves(ts, statement.thenStatement))
        after = under(after, testsOf(statement.expression));
    }
  } else {
    ts.forEachChild(node, (child) => push(child));
  }
  return children;
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

/** Gives the names that an expression asks for: `typeof X`, `globalThis.X`, `console.table`, `"X" in globalThis`, or a variable made so. */
export function guardFinder(ts: typeof TypeScript, file: TypeScript.SourceFile) {
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
