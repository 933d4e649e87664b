/**
 * A matcher for paths: `*` stands for anything but "/", `**` for anything, `{a,b}` for either.
 * Everything else is literal.
 */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${translate(pattern)}$`));
  return (path) => expressions.some((expression) => expression.test(path));
}

function translate(pattern: string): string {
  let result = "";
  let depth = 0;
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === "*" && pattern.charAt(index + 1) === "*") {
      result += ".*";
      index++;
    } else if (char === "*") result += "[^/]*";
    else if (char === "{") {
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
