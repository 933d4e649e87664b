/** Reads Debian control paragraphs (deb822(5)): one record of fields a paragraph; folded lines are joined by newlines. */
export function parseDeb822(text: string): Record<string, string>[] {
  const paragraphs: Record<string, string>[] = [];
  let current: Record<string, string> = {};
  let field: string | undefined;
  for (const line of text.split("\n")) {
    if (line.trim() === "") {
      if (Object.keys(current).length > 0) paragraphs.push(current);
      current = {};
      field = undefined;
    } else if (/^[ \t]/.test(line)) {
      if (field !== undefined) current[field] = `${current[field]}\n${line.trim()}`;
    } else if (!line.startsWith("#")) {
      const colon = line.indexOf(":");
      if (colon <= 0) continue;
      field = line.slice(0, colon);
      current[field] = line.slice(colon + 1).trim();
    }
  }
  if (Object.keys(current).length > 0) paragraphs.push(current);
  return paragraphs;
}
