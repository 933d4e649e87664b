import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { name as nameSchema } from "../../catalog/common.js";
import { firstTarget } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { findNamed } from "../session/find-named.js";
import { openProject } from "../session/open-project.js";
import type { Context, NewBoardOptions, NewBoardResult } from "../types.js";

/** Parts of a board's file that are true of that board alone: a new one has none of them until somebody knows them. */
const itsOwn = ["proven", "facts", "notes", "imagerTags"];

/**
 * Begins a board of the project: the file of the nearest relative under another name, without what is known of that board alone.
 * @throws EdgeimgError ERR_EDGEIMG_CONFIG_MISSING outside of a project, ERR_EDGEIMG_USAGE for a name that cannot be one,
 * ERR_EDGEIMG_UNKNOWN_NAME for a relative that is not there, ERR_EDGEIMG_NEW_EXISTS, ERR_EDGEIMG_OUTPUT_UNWRITABLE
 */
export async function newBoard(context: Context, options: NewBoardOptions): Promise<NewBoardResult> {
  const { name } = options;
  if (!nameSchema.safeParse(name).success)
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `"${name}" cannot be a board's name.`, {
      hint: "Lower-case letters, digits and inner dashes, at most 41: edgeimg new board my-board",
    });
  const { folder, catalog, merged, isExample } = await openProject(context, { configFile: options.configFile });
  if (isExample)
    throw new EdgeimgError(
      "ERR_EDGEIMG_CONFIG_MISSING",
      "There is no edgeimg.yaml here: a board belongs to a project.",
      {
        hint: "Run it in the project's folder, name its file with --config, or start one: edgeimg init my-project",
      },
    );
  const from = options.from ?? firstTarget(merged).board;
  findNamed("board", from, catalog.boards, undefined);
  if (catalog.boards.has(name))
    throw new EdgeimgError("ERR_EDGEIMG_NEW_EXISTS", `There is a board ${name} already.`, {
      hint: "Choose another name. `edgeimg boards` lists those that are taken.",
    });
  const text = boardLike(await readFile(catalog.boardFiles.get(from) ?? "", "utf8"), { name, from });
  const file = `board-configs/${name}.yaml`;
  try {
    await mkdir(join(folder, "board-configs"), { recursive: true });
    await writeFile(join(folder, file), text, { flag: "wx" });
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${join(folder, file)} cannot be written.`, {
      cause,
      hint: "Give yourself rights to the project's folder; a file of that name is not replaced.",
    });
  }
  return { name, from, directory: folder, files: [file] };
}

/** A board's file under another name. Each key of the top level with the comments before it is one part; comments within stay. */
function boardLike(text: string, { name, from }: { readonly name: string; readonly from: string }): string {
  const parts = text.split(/^(?=(?:#.*\n)*[A-Za-z])/m);
  const keyOf = (part: string) => /^([A-Za-z]+):/m.exec(part)?.[1] ?? "";
  const kept = parts.flatMap((part) => {
    const key = keyOf(part);
    if (key === "name") return [`name: ${name}\n`];
    if (key === "title") return [`title: ${name}, begun as ${from}\n`];
    return itsOwn.includes(key) ? [] : [part];
  });
  const head = `# Begun as ${from}: what differs is yours to change, key by key (docs/boards.md, schemas/board.json). What is known of the\n# board, and how far it is proven, goes under \`facts\` and \`proven\`.\n`;
  return head + kept.join("");
}
