import { compareText } from "../ground/canonical.js";
import type { ManifestFile } from "./manifest-file.js";
import { type Rectangle, squarify } from "./treemap.js";

interface Group {
  readonly part: string;
  readonly name: string;
  readonly bytes: number;
  readonly files: readonly ManifestFile[];
}

/** Files by part and package, largest first. */
function groups(files: readonly ManifestFile[]): Group[] {
  const found = new Map<string, ManifestFile[]>();
  for (const file of files) {
    if (file.size === 0) continue;
    const key = `${file.part}\0${file.package ?? "(none)"}`;
    found.set(key, [...(found.get(key) ?? []), file]);
  }
  const sum = (list: readonly ManifestFile[]) => list.reduce((total, file) => total + file.size, 0);
  return [...found]
    .map(([key, list]) => {
      const [part = "", name = ""] = key.split("\0");
      return {
        part,
        name,
        bytes: sum(list),
        files: [...list].sort((a, b) => b.size - a.size || compareText(a.path, b.path)),
      };
    })
    .sort((a, b) => b.bytes - a.bytes || compareText(a.name, b.name));
}

/** A table of bytes (uncompressed) by part and package, largest first. */
export function sizeTable(files: readonly ManifestFile[]): string {
  const rows = groups(files).map(({ part, name, bytes, files: list }) => [
    String(bytes),
    part,
    name,
    `${list.length} files`,
  ]);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const all = [["bytes", "part", "package", ""], ...rows, [String(total), "", "all, before compression", ""]];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map(([bytes = "", part = "", name = "", count = ""]) =>
      `${bytes.padStart(widths[0] ?? 0)}  ${part.padEnd(widths[1] ?? 0)}  ${name.padEnd(widths[2] ?? 0)}  ${count}`.trimEnd(),
    )
    .join("\n")
    .concat("\n");
}

const size = { width: 1200, height: 720 };

/** A page with a treemap of the same: area is bytes, colour is the part, a cell is a file. Needs no script and nothing from outside. */
export function sizeTreemap(title: string, files: readonly ManifestFile[]): string {
  const all = groups(files);
  const outer = squarify(
    all.map(({ bytes }) => bytes),
    { x: 0, y: 0, ...size },
  );
  const cells = all.map((group, index) => groupSvg(group, outer[index] ?? { x: 0, y: 0, width: 0, height: 0 }));
  const total = all.reduce((sum, { bytes }) => sum + bytes, 0);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sizes of ${escapeMarkup(title)}</title>
<style>body{font:14px system-ui,sans-serif;margin:1.5rem}svg{max-width:100%;height:auto}rect{stroke:#fff}
.root{fill:#4878a8}.boot{fill:#a87848}.initramfs{fill:#589058}text{fill:#fff;font-size:12px;pointer-events:none}g:hover>rect{opacity:.8}</style>
<h1>Sizes of ${escapeMarkup(title)}</h1>
<p>${(total / 1e6).toFixed(1)} MB before compression. Blue: root file system, brown: boot partition, green: initramfs. Point at a cell for its file.</p>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="Treemap of file sizes">
${cells.join("\n")}
</svg>
</html>
`;
}

function groupSvg(group: Group, area: Rectangle): string {
  const inner = squarify(
    group.files.map((file) => file.size),
    area,
  );
  const rects = group.files.map((file, index) => {
    const cell = inner[index] ?? area;
    return `<rect class="${group.part}" ${place(cell)}><title>${escapeMarkup(`/${file.path}`)}: ${file.size} bytes, ${escapeMarkup(group.name)}</title></rect>`;
  });
  const fits = area.width > 7 * group.name.length && area.height > 16;
  const label = fits
    ? `<text x="${(area.x + 4).toFixed(1)}" y="${(area.y + 14).toFixed(1)}">${escapeMarkup(group.name)}</text>`
    : "";
  return `<g>${rects.join("")}${label}</g>`;
}

function place({ x, y, width, height }: Rectangle): string {
  return `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"`;
}

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
