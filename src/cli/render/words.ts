/** `1.2 MB`: decimal units, as cards and downloads are sold. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** `0.4 s`, `12 s`, `3 min 05 s`. */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** `12 of 90 files`, `3.1 MB of 68 MB`, with `21 MB/s` where the speed is known. */
export function progressText(progress: {
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: "bytes" | "files" | "objects";
  readonly bytesPerSecond?: number;
}): string {
  const { done, total, unit, bytesPerSecond } = progress;
  if (unit === "bytes") {
    const speed = bytesPerSecond === undefined ? "" : `, ${bytesText(Math.round(bytesPerSecond))}/s`;
    return (total === undefined ? bytesText(done) : `${bytesText(done)} of ${bytesText(total)}`) + speed;
  }
  return total === undefined ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}

/** Rows of cells as text, columns two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}

/** The same in so many columns: the widest cells are broken between words until their rows fit, as far as words allow. */
export function narrowTable(rows: readonly (readonly string[])[], columns = 80): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widest = (lengthOf: (cell: string) => number) =>
    Array.from({ length: count }, (_, index) => Math.max(0, ...rows.map((row) => lengthOf(row[index] ?? ""))));
  const widths = widest((cell) => cell.length);
  const least = widest((cell) => Math.max(...cell.split(" ").map((word) => word.length)));
  const slack = (index: number) => ((widths[index] ?? 0) > (least[index] ?? 0) ? (widths[index] ?? 0) : 0);
  const total = () => widths.reduce((sum, width) => sum + width, 2 * (count - 1));
  while (total() > columns) {
    const order = widths.map((_, index) => index).sort((a, b) => slack(b) - slack(a));
    const [first = 0] = order;
    if (slack(first) === 0) break;
    widths[first] = (widths[first] ?? 0) - 1;
  }
  return table(rows.flatMap((row) => broken(row, widths)));
}

/** A row as the lines that it takes when its cells have these widths. */
function broken(row: readonly string[], widths: readonly number[]): string[][] {
  const cells = row.map((cell, index) => wrap(cell, "", widths[index]).split("\n"));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ""));
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Wraps text at `width` columns, each line after `indent`. */
export function wrap(text: string, indent: string, width = 96): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + line.length + word.length + 1 > width) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line].join("\n");
}

/** Takes away what could steer a terminal, from text that others wrote. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken away
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
