/**
 * A matcher for paths: `*` stands for anything but "/", `**` for anything, `{a,b}` for either.
 * Everything else is literal, a brace without its partner too.
 */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${translate(pattern)}$`, "s"));
  return (path) => expressions.some((expression) => expression.test(path));
}

function translate(pattern: string): string {
  let result = "";
  let depth = 0;
  const closed = closedBraces(pattern);
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === "*" && pattern.charAt(index + 1) === "*") {
      result += ".*";
      index++;
    } else if (char === "*") result += "[^/]*";
    else if (char === "{" && closed.has(index)) {
      result += "(?:";
      depth++;
    } else if (char === "}" && depth > 0) {
      result += ")";
      depth--;
    } else if (char === "," && depth > 0) result += "|";
    else result += char.replace(/[.+?^$()|[\]\\{}]/, "\\$&");
  }
  return result;
}

/** Places of opening braces that have a partner. */
function closedBraces(pattern: string): Set<number> {
  const open: number[] = [];
  const closed = new Set<number>();
  for (let index = 0; index < pattern.length; index++) {
    if (pattern.charAt(index) === "{") open.push(index);
    else if (pattern.charAt(index) === "}" && open.length > 0) closed.add(open.pop() ?? 0);
  }
  return closed;
}
