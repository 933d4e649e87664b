import { architectures } from "../../catalog/architecture.js";
import type { Board } from "../../catalog/board.js";
import type { CatalogRecipe } from "../../catalog/catalog.js";
import type { ImageDescription } from "../../image/describe.js";
import type { BoardImage } from "./board-image.js";
import { cpuSymbol } from "./engine-packages.js";
import { marker, optionLine, upper } from "./names.js";
import type { TreeRequest } from "./request.js";
import { type TreeFile, textFile } from "./tree-file.js";

type Options = Readonly<Record<string, boolean | string>>;

export function defconfigName(board: Board, engine: CatalogRecipe): string {
  return `edgeimg_${board.name}_${engine.recipe.name}_defconfig`;
}

const tree = "$(BR2_EXTERNAL_EDGEIMG_PATH)";

/** One board with one engine. */
export function defconfig(request: TreeRequest, { board, image }: BoardImage, engine: CatalogRecipe): TreeFile {
  const { project, catalog, render } = request;
  const { filesystem } = image.layout.root;
  const groups = [
    group("Processor and toolchain", {
      [architectures[board.arch].buildroot]: true,
      [cpuSymbol(board)]: true,
      BR2_TOOLCHAIN_EXTERNAL: true,
      BR2_TOOLCHAIN_EXTERNAL_BOOTLIN: true,
      [request.releases.toolchain]: true,
    }),
    group("Build", {
      BR2_GLOBAL_PATCH_DIR: `${tree}/patches`,
      BR2_DOWNLOAD_FORCE_CHECK_HASHES: true,
      BR2_REPRODUCIBLE: true,
    }),
    group("System", systemOptions(request, { board, image })),
    group("Kernel", kernelOptions(request, board)),
    group("Bootloader and firmware", {
      ...boardOptions(board, { ofKernel: false }),
      ...(board.buildroot?.trustedFirmware === true ? { [request.series.trustedFirmware]: true } : {}),
    }),
    group("Packages", packageOptions(request, image, engine)),
    group("Root file system", { ...catalog.init.buildroot.filesystems[filesystem]?.options }),
  ].filter(({ lines }) => lines.length > 0);
  return textFile(
    `configs/${defconfigName(board, engine)}`,
    render("buildroot/defconfig.hbs", {
      marker,
      title: `${project.name} on ${board.title}, with ${engine.recipe.title}`,
      groups,
    }),
  );
}

function group(title: string, options: Options) {
  return { title, lines: Object.entries(options).map(([symbol, value]) => optionLine(symbol, value)) };
}

const folderOf = (board: Board): string => `${tree}/board/${board.name}`;

/** Name and time zone, and what the root and the card are completed with. */
function systemOptions({ catalog }: TreeRequest, { board, image }: BoardImage): Options {
  const { timezone } = image.features;
  const folder = folderOf(board);
  return {
    BR2_TARGET_GENERIC_HOSTNAME: image.identity.hostname,
    ...catalog.init.buildroot.options,
    ...(timezone === "UTC" || timezone === "Etc/UTC"
      ? {}
      : { BR2_TARGET_TZ_INFO: true, BR2_TARGET_LOCALTIME: timezone }),
    BR2_ROOTFS_DEVICE_TABLE: `system/device_table.txt ${tree}/board/common/device_table.txt`,
    BR2_ROOTFS_OVERLAY: `${tree}/board/common/rootfs-overlay ${folder}/rootfs-overlay ${tree}/own/rootfs-overlay`,
    BR2_ROOTFS_POST_BUILD_SCRIPT: `${tree}/board/common/post-build.sh`,
    BR2_ROOTFS_POST_BUILD_SCRIPT_ARGS: folder,
    BR2_ROOTFS_POST_IMAGE_SCRIPT: "support/scripts/genimage.sh",
    BR2_ROOTFS_POST_IMAGE_SCRIPT_ARGS: `-c ${folder}/genimage.cfg`,
  };
}

function kernelOptions({ series }: TreeRequest, board: Board): Options {
  const dtbs = board.kernel.dtbs.map((path) => path.replace(/\.dtb$/, "")).join(" ");
  const config = board.buildroot?.kernel.config;
  return {
    BR2_LINUX_KERNEL: true,
    BR2_LINUX_KERNEL_CUSTOM_VERSION: true,
    BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE: series.kernel.version,
    ...(config === undefined
      ? { BR2_LINUX_KERNEL_USE_ARCH_DEFAULT_CONFIG: true }
      : { BR2_LINUX_KERNEL_USE_CUSTOM_CONFIG: true, BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE: config }),
    BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES: `${tree}/board/common/linux.fragment ${folderOf(board)}/linux.fragment ${tree}/own/linux.fragment`,
    ...(board.boot.kernel.gzip ? { BR2_LINUX_KERNEL_IMAGEGZ: true } : {}),
    ...(dtbs === "" ? {} : { BR2_LINUX_KERNEL_DTS_SUPPORT: true, BR2_LINUX_KERNEL_INTREE_DTS_NAME: dtbs }),
    ...boardOptions(board, { ofKernel: true }),
  };
}

/** The lines that a board's file names itself: those of the kernel, or all others. */
function boardOptions(board: Board, { ofKernel }: { readonly ofKernel: boolean }): Options {
  const all = Object.entries(board.buildroot?.options ?? {});
  return Object.fromEntries(all.filter(([symbol]) => symbol.startsWith("BR2_LINUX_KERNEL_") === ofKernel));
}

/** The tree's own packages, and the tools that write the card. */
function packageOptions({ catalog }: TreeRequest, { features }: ImageDescription, engine: CatalogRecipe): Options {
  return {
    BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES: `${tree}/board/common/busybox.fragment ${tree}/own/busybox.fragment`,
    ...(features.ssh.server ? catalog.init.buildroot.ssh : {}),
    BR2_PACKAGE_EDGEIMG_ADAPTER: true,
    [`BR2_PACKAGE_EDGEIMG_ADAPTER_${upper(engine.recipe.name)}`]: true,
    BR2_PACKAGE_EDGEIMG_APP: true,
    ...(features.kernels ? { BR2_PACKAGE_EDGEIMG_KERNELS: true } : {}),
    BR2_PACKAGE_EDGEIMG_MODELS: true,
    BR2_PACKAGE_HOST_DOSFSTOOLS: true,
    BR2_PACKAGE_HOST_GENIMAGE: true,
    BR2_PACKAGE_HOST_MTOOLS: true,
  };
}
