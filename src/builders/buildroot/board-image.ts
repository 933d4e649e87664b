import type { Board } from "../../catalog/board.js";
import { describeImage, type ImageDescription } from "../../image/describe.js";
import type { TreeRequest } from "./request.js";

/** A board of a tree with the description of its image. */
export interface BoardImage {
  readonly board: Board;
  readonly image: ImageDescription;
}

/** The image of a board: the same for every engine, so that all defconfigs of a board share its files. */
export function describeBoard(request: TreeRequest, board: Board): BoardImage {
  const { project, catalog, render, version, epoch } = request;
  const image = describeImage({
    ...{ project, catalog, render },
    // This builder brings neither supplicant nor firmware.
    board: { ...board, wifi: undefined },
    seed: `${project.name}-${board.name}-buildroot`,
    release: { name: project.name, version, like: "buildroot", codename: "", epoch },
  });
  return { board, image };
}
