import type { Board } from "../catalog/board.js";
import type { Catalog } from "../catalog/catalog.js";
import type { InitRecipe } from "../catalog/init.js";
import { baseName, type FileEntry, type ModulesEntry } from "./entries.js";
import type { Features, NetworkContext } from "./features.js";
import type { ModuleLists } from "./modules.js";
import type { RenderTemplate } from "./render.js";
import { wifiEntries } from "./wifi.js";

/** What an image says of itself, in etc/os-release and by its clock. */
export interface Release {
  readonly name: string;
  readonly version: string;
  /** What the root is made of: os-release's ID_LIKE. */
  readonly like: string;
  /** The distribution's code name, or empty. */
  readonly codename: string;
  /** Seconds since 1970: the board's clock never shows an earlier time. */
  readonly epoch: number;
}

/** What templates in templates/rootfs/ may use. Values stand in shell files within single quotes: they must hold no quote and no newline. */
export interface RootfsContext {
  readonly board: string;
  readonly hostname: string;
  readonly epoch: number;
  /** Seconds, or empty without a watchdog. */
  readonly watchdog: string;
  readonly debug: boolean;
  readonly ssh: boolean;
  readonly wifi: boolean;
  readonly network: NetworkContext;
  readonly env: Readonly<Record<string, string>>;
  readonly image: { readonly name: string; readonly version: string };
  readonly like: string;
  readonly release: string;
}

export interface RootfsOptions {
  readonly board: Board;
  readonly hostname: string;
  readonly features: Features;
  readonly release: Release;
  readonly modules: ModuleLists;
  /** Files of recipes/init/rootfs: path there -> is it executable? */
  readonly overlay: ReadonlyMap<string, boolean>;
  readonly wifi: Catalog["wifi"];
  readonly render: RenderTemplate;
}

/**
 * The root file system without what follows from ELF headers: folders, links, scripts, rendered files, modules and programs, each in the
 * order of the recipe. Libraries, the app, models and the engine come from elsewhere.
 */
export function rootfsEntries(init: InitRecipe, options: RootfsOptions): FileEntry[] {
  const { features, modules, render } = options;
  const { ssh } = features;
  const context = templateContext(options);
  const mode = (path: string, fallback: number): number => init.modes[path] ?? fallback;
  const text = (path: string, content: string): FileEntry => ({
    type: "file",
    path,
    mode: mode(path, 0o644),
    source: { from: "text", text: content },
  });
  const applets = baseName(init.appletProgram);
  return [
    ...Object.entries(init.directories).map(([path, bits]) => ({ type: "directory" as const, path, mode: bits })),
    ...Object.entries(init.links).map(([path, target]) => ({ type: "symlink" as const, path, target })),
    ...init.applets.rootfs.map((name) => ({ type: "symlink" as const, path: `usr/bin/${name}`, target: applets })),
    ...[...init.programs, ...(ssh.server ? init.ssh.programs : [])].map((path) => ({
      type: "file" as const,
      path,
      mode: 0o755,
      source: { from: "package" as const, path },
    })),
    ...[...options.overlay].map(([path, executable]) => ({
      type: "file" as const,
      path,
      mode: mode(path, executable ? 0o755 : 0o644),
      source: { from: "recipe" as const, path: `rootfs/${path}` },
    })),
    modulesEntry("etc/edgeimg/modules", modules.rootfs, modules.initramfs),
    modulesEntry("etc/edgeimg/modules.boot", modules.bootPartition, modules.initramfs),
    ...Object.entries(init.templates).map(([template, path]) => text(path, render(`rootfs/${template}`, context))),
    {
      type: "file",
      path: "etc/localtime",
      mode: 0o644,
      source: { from: "package", path: `usr/share/zoneinfo/${features.timezone}` },
    },
    ...(ssh.authorizedKeys === undefined ? [] : [text("etc/edgeimg/authorized_keys", ssh.authorizedKeys)]),
    ...(features.wifi === undefined ? [] : wifiEntries(features.wifi, options.board, options.wifi)),
  ];
}

function templateContext({ board, hostname, features, release }: RootfsOptions): RootfsContext {
  const { ssh, network, watchdog, debug, env } = features;
  return {
    ...{ board: board.name, hostname, debug, network, env },
    epoch: release.epoch,
    watchdog: String(watchdog ?? ""),
    ssh: ssh.server,
    wifi: features.wifi !== undefined,
    image: { name: release.name, version: release.version },
    like: release.like,
    release: release.codename,
  };
}

function modulesEntry(list: string, wanted: readonly string[], loaded: readonly string[]): ModulesEntry {
  return { type: "modules", path: "usr/lib/modules", list, wanted, loaded };
}
