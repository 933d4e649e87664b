import type { BuildOptions } from "../api/types.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { FlagSpec, Flags } from "./command.js";

/** Flags of every command. */
export const outputFlags: readonly FlagSpec[] = [
  { name: "json", help: "machine-readable: one JSON object a line" },
  { name: "verbose", short: "v", help: "say more; with an error, its stack trace" },
  { name: "quiet", short: "q", help: "only results, warnings and errors" },
  { name: "no-color", help: "no colours (also: NO_COLOR=1)" },
];

/** Flags of every command that looks at a project. */
export const projectFlags: readonly FlagSpec[] = [
  {
    name: "config",
    short: "c",
    value: "file",
    help: "the project's YAML (default: edgeimg.yaml here, else the bundled example)",
    complete: "files",
  },
  { name: "board", short: "b", value: "name", help: "the board to build for", complete: "boards" },
  { name: "engine", short: "e", value: "name", help: "the inference engine", complete: "engines" },
];

export const buildFlags: readonly FlagSpec[] = [
  ...projectFlags,
  { name: "out", short: "o", value: "dir", help: "where the results go (default: out)", complete: "directories" },
  {
    name: "jobs",
    short: "j",
    value: "n",
    help: "how much to do at once (default: the number of cores)",
    number: { min: 1, max: 1024 },
  },
  { name: "offline", help: "use no network: everything must be in the store" },
  { name: "locked", help: "fail when edgeimg.lock would have to change" },
];

/** A flag that names a step of the build. */
export function stepFlag(name: string, help: string): FlagSpec {
  return { name, value: "id", help, complete: "steps" };
}

/** Flags of commands that build an image, or boot one. */
export const builderFlags: readonly FlagSpec[] = [
  { name: "builder", value: "name", help: "what makes the image: debian (default) or buildroot" },
  { name: "buildroot", value: "dir", help: "buildroot: the folder of an unpacked release", complete: "directories" },
  { name: "dl-dir", value: "dir", help: "buildroot: where it keeps downloads", complete: "directories" },
  { name: "primary-site", value: "url", help: "buildroot: where it looks for downloads first" },
];

/** Throws ERR_EDGEIMG_USAGE for a builder that there is not. */
export function builderOptions(flags: Flags): Pick<BuildOptions, "builder" | "buildroot" | "dlDir" | "primarySite"> {
  const builder = flags.text("builder");
  if (builder !== undefined && builder !== "debian" && builder !== "buildroot") {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `There is no builder "${builder}".`, {
      hint: "Use --builder debian or --builder buildroot.",
    });
  }
  return {
    builder,
    buildroot: flags.text("buildroot"),
    dlDir: flags.text("dl-dir"),
    primarySite: flags.text("primary-site"),
  };
}

export function buildOptions(flags: Flags): BuildOptions {
  return {
    configFile: flags.text("config"),
    board: flags.text("board"),
    engine: flags.text("engine"),
    out: flags.text("out"),
    jobs: flags.number("jobs"),
    offline: flags.on("offline"),
    locked: flags.on("locked"),
  };
}
