/**
 * Name and version of a package as its own description tells them: npm's package.json, or a Python wheel's METADATA. Undefined of other
 * files.
 */
export function packageName(file: string, text: string): string | undefined {
  if (file === "package.json") {
    const { name, version }: { name?: unknown; version?: unknown } = JSON.parse(text);
    return `${name} ${version}`;
  }
  if (file !== "METADATA") return undefined;
  const field = (key: string) =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${key}: `))
      ?.slice(key.length + 2);
  return `${field("Name")} ${field("Version")}`;
}
