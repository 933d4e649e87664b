import type { OperatorChoice } from "../catalog/operators.js";

/** Operators that the lines of a text name, each once, sorted. */
export function operatorsIn(text: string, pattern: string): readonly string[] {
  const expression = new RegExp(pattern);
  const found = text.split("\n").flatMap((line) => expression.exec(line)?.groups?.operator ?? []);
  return [...new Set(found)].sort();
}

/** These operators, what the engine always has, and what it makes by itself for any of them; sorted. */
export function withNeeded(
  used: readonly string[],
  { always, needs }: Pick<OperatorChoice, "always" | "needs">,
): readonly string[] {
  const all = new Set<string>();
  const queue = [...used, ...always];
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    if (all.has(one)) continue;
    all.add(one);
    if (Object.hasOwn(needs, one)) queue.push(...(needs[one] ?? []));
  }
  return [...all].sort();
}

/** The options that leave operators out, as a file of the build that reads it. */
export function withoutText(form: "cmake" | "compile", template: string, left: readonly string[]): string {
  const lines = left.map((operator) => {
    const filled = template.replaceAll("{operator}", operator).replaceAll("{lower}", operator.toLowerCase());
    const at = filled.indexOf("=");
    return form === "compile"
      ? `-D${filled}\n`
      : `set(${filled.slice(0, at)} "${filled.slice(at + 1)}" CACHE STRING "no model uses it")\n`;
  });
  return lines.join("");
}
