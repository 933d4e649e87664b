import type { InitRecipe } from "../../catalog/init.js";
import type { ImageDescription } from "../../image/describe.js";
import { marker } from "./names.js";
import { boardPaths, fragmentFile, listFile, overlayFiles } from "./overlay.js";
import type { TreeRequest } from "./request.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

const common = "board/common";

/** `board/common/`: what is the same in the images of all boards, by one of them. Root file system, busybox and initramfs. */
export function commonFiles(request: TreeRequest, image: ImageDescription): TreeFile[] {
  const { init, home } = request.catalog;
  const named = boardPaths(init);
  const shared = image.rootfs.filter(({ path }) => !named.has(path));
  return [
    postBuild(request, image),
    fragmentFile(request, `${common}/linux.fragment`, [
      ...init.buildroot.kernel,
      ...(init.buildroot.filesystems[image.layout.root.filesystem]?.kernel ?? []),
    ]),
    fragmentFile(request, `${common}/busybox.fragment`, appletLines(init)),
    deviceTable(request, image),
    listFile(request, `${common}/applets.rootfs`, init.applets.rootfs),
    listFile(request, `${common}/applets.initramfs`, init.applets.initramfs),
    listFile(request, `${common}/modules.boot`, image.modules.bootPartition),
    copyOf(`${common}/initramfs/init`, `${home}/recipes/init/initramfs/init`, { executable: true }),
    ...overlayFiles(request, `${common}/rootfs-overlay`, shared),
  ];
}

/** The script that completes the root: folders and links, and what packages put there for nothing. */
function postBuild({ catalog, render }: TreeRequest, { rootfs }: ImageDescription): TreeFile {
  const { init, runtime } = catalog;
  const text = render("buildroot/board/post-build.sh.hbs", {
    marker,
    directories: rootfs.flatMap(({ type, path }) => (type === "directory" ? [path] : [])),
    unused: [...init.buildroot.unused, ...runtime.buildroot.unused],
    // Buildroot's own skeleton merges /usr and has the first program.
    links: rootfs.flatMap((entry) =>
      entry.type === "symlink" && entry.path.startsWith("etc/") ? [{ path: entry.path, target: entry.target }] : [],
    ),
  });
  return textFile(`${common}/post-build.sh`, text, { executable: true });
}

/** The options for the applets that scripts need, and without those that they do not. */
function appletLines({ applets, buildroot }: InitRecipe): string[] {
  const { symbols, on, off } = buildroot.appletConfig;
  const names = [...new Set([...applets.rootfs, ...applets.initramfs])].sort();
  return [
    ...names.map((name) => `CONFIG_${symbols[name] ?? name.toUpperCase().replaceAll("-", "_")}=y`),
    ...on.map((name) => `CONFIG_${name}=y`),
    ...off.map((name) => `CONFIG_${name}=n`),
  ];
}

/** Rights of folders and files, which a tree in git cannot hold. */
function deviceTable({ catalog, render }: TreeRequest, { rootfs }: ImageDescription): TreeFile {
  const { init } = catalog;
  const mounted = ["dev", "proc", "sys", "run"];
  const directories = rootfs.flatMap((entry) =>
    entry.type === "directory" && !mounted.includes(entry.path) ? [[entry.path, entry.mode] as const] : [],
  );
  const row = (type: string) => (entry: readonly [string, number]) => {
    const [path, mode] = entry;
    return { path: `/${path}`, type, mode: mode.toString(8) };
  };
  return textFile(
    `${common}/device_table.txt`,
    render("buildroot/board/device_table.txt.hbs", {
      marker,
      entries: [
        ...directories.map(row("d")),
        ...Object.entries(init.modes).map(row("f")),
        // No program of the image gives anybody rights that he has not.
        { path: `/${init.appletProgram}`, type: "f", mode: "755" },
      ],
    }),
  );
}
