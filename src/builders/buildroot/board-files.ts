import type { Board } from "../../catalog/board.js";
import { sha256Text } from "../../ground/canonical.js";
import { bootFiles, bootPartitionModules, initramfsModules, rootfsModules } from "../../image/boot-files.js";
import { networkOf } from "../../image/network.js";
import type { RootfsContext } from "../../image/rootfs-files.js";
import { sshOf } from "../../image/ssh.js";
import { uuidOf } from "../../image/uuid.js";
import { fragmentLine, marker } from "./names.js";
import type { TreeRequest } from "./request.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

/** The card's identity: the same for every engine, so that all defconfigs of a board share its files. */
function identity(request: TreeRequest, board: Board) {
  const name = `${request.project.name}-${board.name}-buildroot`;
  return {
    signature: Number.parseInt(sha256Text(`signature ${name}`).slice(0, 8), 16),
    gpt: Object.fromEntries(["disk", "boot", "root", "data"].map((part) => [part, uuidOf(`${part} ${name}`)])),
  };
}

function list({ render }: TreeRequest, path: string, lines: readonly string[]): TreeFile {
  return textFile(path, render("buildroot/board/list.hbs", { marker, lines }));
}

function fragment({ render }: TreeRequest, path: string, lines: readonly string[]): TreeFile {
  return textFile(path, render("buildroot/board/fragment.hbs", { marker, lines: lines.map(fragmentLine) }));
}

function rootfsContext({ project, epoch, version }: TreeRequest, board: Board): RootfsContext {
  return {
    board: board.name,
    hostname: project.system.hostname ?? project.name,
    epoch,
    watchdog: String(board.watchdog ?? ""),
    debug: project.system.debug,
    ssh: sshOf(project).server,
    network: networkOf(project),
    env: project.app.env,
    image: { name: project.name, version },
    like: "buildroot",
    release: "",
  };
}

/** Rendered files of the root that name the board; all others are the same on every board. */
const ofBoard = new Set(["image.env.hbs", "os-release.hbs"]);

/** `board/common/`: root file system, busybox and initramfs. */
export function commonFiles(request: TreeRequest): TreeFile[] {
  const { catalog, render, project, boards } = request;
  const { init, home, overlay } = catalog;
  const common = "board/common";
  const context = rootfsContext(request, boards[0] as Board);
  const recipe = (path: string) => `${home}/recipes/init/${path}`;
  const { authorizedKeys } = sshOf(project);
  const applets = [...new Set([...init.applets.rootfs, ...init.applets.initramfs])].sort();
  const { symbols, on, off } = init.buildroot.appletConfig;
  return [
    textFile(
      `${common}/post-build.sh`,
      render("buildroot/board/post-build.sh.hbs", {
        marker,
        directories: Object.keys(init.directories),
        unused: [...init.buildroot.unused, ...catalog.runtime.buildroot.unused],
        // Buildroot's own skeleton merges /usr and has the first program.
        links: Object.entries(init.links)
          .filter(([path]) => path.startsWith("etc/"))
          .map(([path, target]) => ({ path, target })),
      }),
      { executable: true },
    ),
    fragment(request, `${common}/linux.fragment`, [
      ...init.buildroot.kernel,
      ...(init.buildroot.filesystems[project.image.filesystem]?.kernel ?? []),
    ]),
    fragment(request, `${common}/busybox.fragment`, [
      ...applets.map((name) => `CONFIG_${symbols[name] ?? name.toUpperCase().replaceAll("-", "_")}=y`),
      ...on.map((name) => `CONFIG_${name}=y`),
      ...off.map((name) => `CONFIG_${name}=n`),
    ]),
    textFile(
      `${common}/device_table.txt`,
      render("buildroot/board/device_table.txt.hbs", {
        marker,
        entries: [
          ...Object.entries(init.directories)
            .filter(([path]) => !["dev", "proc", "sys", "run"].includes(path))
            .map(([path, mode]) => ({ path: `/${path}`, type: "d", mode: mode.toString(8) })),
          ...Object.entries(init.modes).map(([path, mode]) => ({
            path: `/${path}`,
            type: "f",
            mode: mode.toString(8),
          })),
          // No program of the image gives anybody rights that he has not.
          { path: `/${init.appletProgram}`, type: "f", mode: "755" },
        ],
      }),
    ),
    list(request, `${common}/applets.rootfs`, init.applets.rootfs),
    list(request, `${common}/applets.initramfs`, init.applets.initramfs),
    list(request, `${common}/modules.boot`, bootPartitionModules(init)),
    copyOf(`${common}/initramfs/init`, recipe("initramfs/init"), { executable: true }),
    ...[...overlay].map(([path, executable]) =>
      copyOf(`${common}/rootfs-overlay/${path}`, recipe(`rootfs/${path}`), { executable }),
    ),
    ...Object.entries(init.templates)
      .filter(([template]) => !ofBoard.has(template))
      .map(([template, path]) => textFile(`${common}/rootfs-overlay/${path}`, render(`rootfs/${template}`, context))),
    ...(authorizedKeys === undefined
      ? []
      : [textFile(`${common}/rootfs-overlay/etc/edgeimg/authorized_keys`, authorizedKeys)]),
  ];
}

/** `board/NAME/`. */
export function boardFiles(request: TreeRequest, board: Board): TreeFile[] {
  const { catalog, render, project } = request;
  const { init } = catalog;
  const { filesystem } = project.image;
  const folder = `board/${board.name}`;
  const { buildroot } = board;
  const { signature, gpt } = identity(request, board);
  const isGpt = buildroot?.table === "gpt";
  const files = bootFiles(board, {
    signature,
    filesystem,
    debug: project.system.debug,
    rootUuid: isGpt ? gpt.root : undefined,
    render: (template, context) => render(`boot/${template}`, context),
  });
  const context = rootfsContext(request, board);
  return [
    textFile(
      `${folder}/genimage.cfg`,
      render("buildroot/board/genimage.cfg.hbs", {
        marker,
        signature: signature.toString(16).padStart(8, "0"),
        table: buildroot?.table ?? "mbr",
        gpt: isGpt ? gpt : undefined,
        bootName: buildroot?.bootName ?? "boot",
        start: buildroot?.start,
        raw: buildroot?.raw ?? [],
        bootSize: project.image.bootSize ?? board.boot.size,
        root: init.buildroot.filesystems[filesystem]?.image ?? "",
        dataSize: project.image.dataSize,
        files: files.map(({ name, source }) => ({ name, image: imageOf(board, name, source.from) })),
      }),
    ),
    ...files.flatMap(({ name, source }) =>
      source.from === "text" ? [textFile(`${folder}/boot/${name}`, source.text)] : [],
    ),
    fragment(request, `${folder}/linux.fragment`, buildroot?.kernel.options ?? []),
    list(request, `${folder}/modules.initramfs`, initramfsModules(board, init, { filesystem })),
    list(request, `${folder}/modules.rootfs`, rootfsModules(board, init, { filesystem })),
    ...Object.entries(init.templates)
      .filter(([template]) => ofBoard.has(template))
      .map(([template, path]) => textFile(`${folder}/rootfs-overlay/${path}`, render(`rootfs/${template}`, context))),
  ];
}

/** Where genimage finds a file of the boot partition, in Buildroot's images. */
function imageOf(board: Board, name: string, from: string): string {
  // The post-build script's name for it, whatever the firmware wants to read.
  if (from === "initramfs") return "initramfs.gz";
  if (from === "kernel") return board.boot.kernel.gzip ? "Image.gz" : "Image";
  return from === "package" && board.buildroot?.firmware !== undefined ? `${board.buildroot.firmware}/${name}` : name;
}
