import type { InitRecipe } from "../../catalog/init.js";
import type { FileEntry } from "../../image/entries.js";
import { fragmentLine, marker } from "./names.js";
import type { TreeRequest } from "./request.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

/** Rendered files of the root that name the board; all others are the same on every board. */
const ofBoard = new Set(["image.env.hbs", "os-release.hbs"]);

/** Paths in the root of the files that name the board. */
export function boardPaths({ templates }: InitRecipe): ReadonlySet<string> {
  return new Set(Object.entries(templates).flatMap(([template, path]) => (ofBoard.has(template) ? [path] : [])));
}

/** Texts and files of recipes/init as an overlay for the root; what packages bring is none of its business. */
export function overlayFiles(request: TreeRequest, folder: string, entries: readonly FileEntry[]): TreeFile[] {
  return entries.flatMap((entry): TreeFile[] => {
    if (entry.type !== "file") return [];
    const { path, mode, source } = entry;
    if (source.from === "text") return [textFile(`${folder}/${path}`, source.text)];
    if (source.from !== "recipe") return [];
    const file = `${request.catalog.home}/recipes/init/${source.path}`;
    return [copyOf(`${folder}/${path}`, file, { executable: (mode & 0o111) !== 0 })];
  });
}

/** A list that post-build.sh reads, a line a name. */
export function listFile({ render }: TreeRequest, path: string, lines: readonly string[]): TreeFile {
  return textFile(path, render("buildroot/board/list.hbs", { marker, lines }));
}

/** A part of a kernel's or busybox's configuration. */
export function fragmentFile({ render }: TreeRequest, path: string, lines: readonly string[]): TreeFile {
  return textFile(path, render("buildroot/board/fragment.hbs", { marker, lines: lines.map(fragmentLine) }));
}
