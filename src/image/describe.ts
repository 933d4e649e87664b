import type { Board } from "../catalog/board.js";
import type { Catalog } from "../catalog/catalog.js";
import type { Project } from "../config/project-schema.js";
import { bootFiles, cmdline, initramfsEntries } from "./boot-files.js";
import type { BootFile, FileEntry } from "./entries.js";
import { type Features, featuresOf } from "./features.js";
import { type Identity, identityOf } from "./identity.js";
import { type Layout, layoutOf } from "./layout.js";
import { type ModuleLists, moduleLists } from "./modules.js";
import type { RenderTemplate } from "./render.js";
import { type Release, rootfsEntries } from "./rootfs-files.js";

/** What an image is, whoever builds it: each builder renders this, and works out none of it again. */
export interface ImageDescription {
  readonly identity: Identity;
  readonly layout: Layout;
  /** The kernel's command line. */
  readonly cmdline: string;
  readonly modules: ModuleLists;
  /** The boot partition's files, sorted by name. */
  readonly boot: readonly BootFile[];
  /** What the kernel starts with, in the order of its archive. */
  readonly initramfs: readonly FileEntry[];
  /** The root file system without libraries, app, models and engine, in the order of the recipe. */
  readonly rootfs: readonly FileEntry[];
  readonly features: Features;
}

/** All that decides a description: configuration, board, and what a builder has a say in. */
export interface DescriptionRequest {
  readonly project: Project;
  readonly board: Board;
  readonly catalog: Pick<Catalog, "init" | "overlay" | "wifi">;
  readonly render: RenderTemplate;
  /** The name that signature and UUIDs are made of: images with the same have the same. */
  readonly seed: string;
  readonly release: Release;
}

/** Describes the image of one board. Pure: the same value for the same request. */
export function describeImage(request: DescriptionRequest): ImageDescription {
  const { project, board, catalog, render, release } = request;
  const { init, overlay, wifi } = catalog;
  const identity = identityOf(request.seed, project.system.hostname ?? project.name);
  const layout = layoutOf(project, board);
  const features = featuresOf(project, board);
  const modules = moduleLists(board, init, {
    filesystem: layout.root.filesystem,
    more: features.wifi?.modules ?? [],
  });
  const line = cmdline(board, { identity, layout, debug: features.debug });
  return {
    identity,
    layout,
    cmdline: line,
    modules,
    boot: bootFiles(board, { cmdline: line, render }),
    initramfs: initramfsEntries(init, modules),
    rootfs: rootfsEntries(init, {
      board,
      hostname: identity.hostname,
      ...{ features, release, modules, overlay, wifi, render },
    }),
    features,
  };
}
