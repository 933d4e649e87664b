import type { Board } from "../../catalog/board.js";
import { cardConfig } from "../../image/card-config.js";
import type { BoardImage } from "./board-image.js";
import { marker } from "./names.js";
import { boardPaths, fragmentFile, listFile, overlayFiles } from "./overlay.js";
import type { TreeRequest } from "./request.js";
import { type TreeFile, textFile } from "./tree-file.js";

/** `board/NAME/`. */
export function boardFiles(request: TreeRequest, { board, image }: BoardImage): TreeFile[] {
  const folder = `board/${board.name}`;
  const named = boardPaths(request.catalog.init);
  const own = image.rootfs.filter(({ path }) => named.has(path));
  return [
    layoutFile(request, `${folder}/genimage.cfg`, { board, image }),
    ...image.boot.flatMap(({ name, source }) =>
      source.from === "text" ? [textFile(`${folder}/boot/${name}`, source.text)] : [],
    ),
    fragmentFile(request, `${folder}/linux.fragment`, board.buildroot?.kernel.options ?? []),
    listFile(request, `${folder}/modules.initramfs`, image.modules.initramfs),
    listFile(request, `${folder}/modules.rootfs`, image.modules.rootfs),
    ...overlayFiles(request, `${folder}/rootfs-overlay`, own),
  ];
}

/** The card's layout, as genimage reads it. */
function layoutFile({ catalog, render }: TreeRequest, path: string, { board, image }: BoardImage): TreeFile {
  const { layout } = image;
  const places = {
    head: marker,
    files: image.boot.map(({ name, source }) => ({ name, image: imageOf(board, name, source.from) })),
    card: {
      name: "sdcard",
      boot: "boot.vfat",
      root: catalog.init.buildroot.filesystems[layout.root.filesystem]?.image ?? "",
      raw: Object.fromEntries(layout.raw.map(({ name, buildroot }) => [name, buildroot ?? ""])),
    },
  };
  return textFile(path, cardConfig(image, places, render));
}

/** Where genimage finds a file of the boot partition, in Buildroot's images. */
function imageOf(board: Board, name: string, from: string): string {
  // The post-build script's name for it, whatever the firmware wants to read.
  if (from === "initramfs") return "initramfs.gz";
  if (from === "kernel") return board.boot.kernel.gzip ? "Image.gz" : "Image";
  return from === "package" && board.buildroot?.firmware !== undefined ? `${board.buildroot.firmware}/${name}` : name;
}
