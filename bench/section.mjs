import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../docs/benchmarks.md", import.meta.url);

/** Puts text between the marks of a section of docs/benchmarks.md. */
export function writeSection(name, text) {
  const before = readFileSync(file, "utf8");
  const marks = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(<!-- end of ${name} -->)`);
  if (!marks.test(before)) throw new Error(`docs/benchmarks.md has no section ${name}`);
  writeFileSync(
    file,
    before.replace(marks, (_, from, to) => `${from}${text.trimEnd()}\n${to}`),
  );
}
