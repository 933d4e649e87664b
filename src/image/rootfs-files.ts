import type { Board } from "../catalog/board.js";
import type { InitRecipe } from "../catalog/init.js";
import {
  baseName,
  bootPartitionModules,
  type FileSource,
  initramfsModules,
  type ModulesEntry,
  type RootFilesystem,
  rootfsModules,
} from "./boot-files.js";
import type { SshPlan } from "./ssh.js";

/** How the board gets its address. `interface` empty: the first Ethernet interface that appears. */
export interface NetworkContext {
  readonly mode: "dhcp" | "static" | "off";
  readonly interface: string;
  /** ADDRESS/PREFIX, for `static`. */
  readonly address: string;
  readonly gateway: string;
  readonly dns: readonly string[];
}

/** What templates in templates/rootfs/ may use. Values stand in shell files within single quotes: they must hold no quote and no newline. */
export interface RootfsContext {
  readonly board: string;
  readonly hostname: string;
  /** Seconds since 1970: the board's clock never shows an earlier time. */
  readonly epoch: number;
  /** Seconds, or empty without a watchdog. */
  readonly watchdog: string;
  readonly debug: boolean;
  readonly ssh: boolean;
  readonly network: NetworkContext;
  /** The app's variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly image: { readonly name: string; readonly version: string };
  /** What the root is made of: os-release's ID_LIKE. */
  readonly like: string;
  /** The distribution's code name, or empty. */
  readonly release: string;
}

export type RootfsEntry =
  | ModulesEntry
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly source: FileSource }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string };

export interface RootfsOptions {
  readonly filesystem: RootFilesystem;
  /** Files of recipes/init/rootfs: path there -> is it executable? */
  readonly overlay: ReadonlyMap<string, boolean>;
  /** IANA name such as Europe/Berlin. */
  readonly timezone: string;
  readonly ssh: SshPlan;
  readonly context: Omit<RootfsContext, "board" | "watchdog" | "ssh">;
  /** Renders a template of templates/rootfs/ by its path there. */
  readonly render: (template: string, context: RootfsContext) => string;
}

/**
 * The root file system without what follows from ELF headers: folders, links, scripts, rendered files, modules and programs.
 * Everything belongs to root. Libraries, the app, models and the engine come from elsewhere.
 */
export function rootfsEntries(board: Board, init: InitRecipe, options: RootfsOptions): RootfsEntry[] {
  const { ssh } = options;
  const loaded = initramfsModules(board, init, options);
  const context: RootfsContext = {
    ...options.context,
    board: board.name,
    watchdog: String(board.watchdog ?? ""),
    ssh: ssh.server,
  };
  const mode = (path: string, fallback: number): number => init.modes[path] ?? fallback;
  const text = (path: string, content: string): RootfsEntry => ({
    type: "file",
    path,
    mode: mode(path, 0o644),
    source: { from: "text", text: content },
  });
  const applets = baseName(init.appletProgram);
  const entries: RootfsEntry[] = [
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
    modulesOf("etc/edgeimg/modules", rootfsModules(board, init, options), loaded),
    modulesOf("etc/edgeimg/modules.boot", bootPartitionModules(init), loaded),
    ...Object.entries(init.templates).map(([template, path]) => text(path, options.render(template, context))),
    {
      type: "file",
      path: "etc/localtime",
      mode: 0o644,
      source: { from: "package", path: `usr/share/zoneinfo/${options.timezone}` },
    },
    ...(ssh.authorizedKeys === undefined ? [] : [text("etc/edgeimg/authorized_keys", ssh.authorizedKeys)]),
  ];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const modulesOf = (list: string, wanted: readonly string[], loaded: readonly string[]): ModulesEntry => ({
  type: "modules",
  path: "usr/lib/modules",
  list,
  wanted,
  loaded,
});
