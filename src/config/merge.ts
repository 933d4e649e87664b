import { EdgeimgError, type Place } from "../errors/edgeimg-error.js";
import { placeText } from "../errors/place.js";
import { dotted, type YamlPath } from "../formats/yaml-path.js";
import type { LoadedProject } from "./load.js";
import type { Operators, Project } from "./project-schema.js";

/** Where a setting's value came from. */
export type Origin =
  | { readonly from: "flag"; readonly flag: string }
  | { readonly from: "file"; readonly place: Place }
  | { readonly from: "default" };

export interface Setting {
  /** `image.filesystem` */
  readonly key: string;
  /** As written in the file, else as the default is kept. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** What stands in the place of a key in lists of settings, which are printed, and kept in logs. */
export const hiddenKey = "(a key, not shown)";

/** A setting's value without the keys in it: those of the networks under `system.wifi`. */
function withoutKeys(path: YamlPath, value: unknown): unknown {
  if (path[0] !== "system" || path[1] !== "wifi") return value;
  if (Array.isArray(value)) return value.map((one) => withoutKeys(path, one));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [
      name,
      name === "passphrase" || name === "psk" ? hiddenKey : withoutKeys(path, child),
    ]),
  );
}

/** Flags that override the file. */
export interface ProjectFlags {
  readonly board?: string | undefined;
  readonly engine?: string | undefined;
}

export interface MergedProject {
  readonly project: Project;
  /** One or more, in the file's order. */
  readonly boards: readonly string[];
  readonly engine: string;
  readonly hostname: string;
  readonly boardOrigin: Origin;
  readonly engineOrigin: Origin;
  readonly settings: readonly Setting[];
  /** Place of a value in the file, for errors about it. */
  readonly place: (path: YamlPath) => Place;
}

/**
 * Flags go before the file, the file before the defaults; remembers which of them each value came from.
 * @throws EdgeimgError ERR_EDGEIMG_CONFIG_INCOMPLETE when neither names a board or an engine
 */
export function mergeProject(loaded: LoadedProject, flags: ProjectFlags): MergedProject {
  const { value: project, place } = loaded;
  const fromFile = (path: YamlPath): Origin => ({ from: "file", place: place(path) });
  const { matrix } = project;
  const choose = <T>(
    key: "board" | "engine",
    flag: T | undefined,
    values: readonly (readonly [value: T | undefined, path: YamlPath])[],
  ): { value: T; origin: Origin } => {
    if (flag !== undefined) return { value: flag, origin: { from: "flag", flag: `--${key}` } };
    for (const [value, path] of values) if (value !== undefined) return { value, origin: fromFile(path) };
    throw new EdgeimgError("ERR_EDGEIMG_CONFIG_INCOMPLETE", `no ${key} is chosen`, {
      place: { file: place([]).file },
      hint: `Give --${key} NAME, or add \`${key}: NAME\` to the file. \`edgeimg ${key}s\` lists them.`,
    });
  };
  const boards = choose("board", flags.board === undefined ? undefined : [flags.board], [
    [project.board, ["board"]],
    [matrix.boards, ["matrix", "boards"]],
  ]);
  const engine = choose("engine", flags.engine, [
    [engineName(project), typeof project.engine === "object" ? ["engine", "name"] : ["engine"]],
    [matrix.engines?.[0], ["matrix", "engines", 0]],
  ]);
  const hostname = project.system.hostname ?? project.name;

  // What is told of an engine that a flag has put aside decides nothing.
  const { name, ...told } = typeof project.engine === "object" ? project.engine : { name: undefined };
  const given = { ...project, engine: name === engine.value ? told : undefined };
  const settings: Setting[] = leaves(given, []).map(({ path, value }) => {
    const written = withoutKeys(path, at(loaded.raw, path));
    return written === undefined
      ? { key: dotted(path), value, origin: { from: "default" } }
      : { key: dotted(path), value: written, origin: fromFile(path) };
  });
  const set = (setting: Setting) => {
    const index = settings.findIndex((one) => one.key === setting.key);
    if (index < 0) settings.push(setting);
    else settings[index] = setting;
  };
  set({ key: "board", value: boards.value, origin: boards.origin });
  set({ key: "engine", value: engine.value, origin: engine.origin });
  if (project.system.hostname === undefined)
    set({ key: "system.hostname", value: hostname, origin: { from: "default" } });

  return {
    project,
    boards: boards.value,
    engine: engine.value,
    hostname,
    boardOrigin: boards.origin,
    engineOrigin: engine.origin,
    settings: settings.sort((a, b) => (a.key < b.key ? -1 : 1)),
    place,
  };
}

/** The engine that the file names under `engine`; undefined when it names none. */
export function engineName({ engine }: Pick<Project, "engine">): string | undefined {
  return typeof engine === "object" ? engine.name : engine;
}

/** Which operators of an engine the project wants: what it says of another engine does not count. */
export function operatorsOf({ engine }: Pick<Project, "engine">, name: string): Operators {
  return typeof engine === "object" && engine.name === name ? engine.ops : "all";
}

/** The project with an engine in the place of the name for one that is chosen. */
export function withEngine(merged: MergedProject, engine: string): MergedProject {
  return {
    ...merged,
    engine,
    project: { ...merged.project, engine },
    settings: merged.settings.map((one) => (one.key === "engine" ? { ...one, value: engine } : one)),
  };
}

/** `--board`, `edgeimg.yaml:4:8`, or `default`. */
export function originText(origin: Origin): string {
  if (origin.from === "flag") return origin.flag;
  if (origin.from === "default") return "default";
  return placeText(origin.place);
}

interface Leaf {
  readonly path: YamlPath;
  readonly value: unknown;
}

/** Every value that is no mapping; lists and empty mappings count as one value. */
function leaves(value: unknown, path: YamlPath): readonly Leaf[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [{ path, value }];
  const entries = Object.entries(value);
  if (entries.length === 0) return [{ path, value }];
  return entries.flatMap(([key, child]) => leaves(child, [...path, key]));
}

/** The value at a path, undefined when there is none. */
function at(value: unknown, path: YamlPath): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, part)) return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}
