import type { CatalogRecipe } from "../catalog/catalog.js";
import type { Core } from "../image/request.js";
import { engineNeed } from "../report/engine-size.js";
import { cmakeStep, gccStep, type Toolchain } from "./compile.js";
import { type BuildFile, type ListedModel, operatorsStep } from "./operators.js";
import type { DebianContext } from "./roots.js";
import { type CompiledProgram, localRecipe } from "./runtime.js";
import { sourceTree } from "./source.js";

export interface EngineOptions {
  readonly engine: CatalogRecipe;
  readonly board: Core;
  readonly tools: Toolchain;
  /** A root with packages of which only the headers are used, for engines that name some. */
  readonly headers?: string | undefined;
  /** The step with the object that adapters are linked with, and its headers. */
  readonly common: CompiledProgram;
  /** The models whose operators are all that is built of the engine; undefined for all of it. */
  readonly onlyFor?: readonly ListedModel[] | undefined;
}

export interface EngineSteps {
  /** `usr/lib` and `usr/include` of the engine; absent when it comes from packages. */
  readonly engine: string | undefined;
  /** `libedge_nn.so`. */
  readonly adapter: string;
  /** The step that compares licence texts with the recipe's hashes; undefined when it names none. */
  readonly licence: string | undefined;
  /** The step that lists the operators that are built; undefined when all are. */
  readonly operators: string | undefined;
}

/** The engine for the board's core, and its adapter to edge_nn.h. */
export function engineSteps(context: DebianContext, options: EngineOptions): EngineSteps {
  const chosen = chosenOperators(context, options);
  const engine = buildStep(context, options, chosen);
  const { recipe, adapter } = options.engine;
  const own = localRecipe(context, `engines/${adapter.name}`, adapter.folder);
  const used = adapter.uses.map(({ library: { name }, folder }) => [name, localRecipe(context, name, folder)] as const);
  const inputs = {
    recipe: own,
    ...Object.fromEntries(used),
    common: options.common.step,
    ...(engine === undefined ? {} : { engine }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  };
  const step = gccStep(context, {
    id: `compile/${recipe.name}-adapter`,
    title: `Compile the adapter of ${recipe.title}`,
    why: "it gives the engine the interface that the app host knows",
    board: options.board,
    tools: options.tools,
    inputs,
    materials: [{ input: "recipe" }, { input: "common" }, ...used.map(([input]) => ({ input }))],
    programs: [
      {
        ...adapterArguments(options.engine, {
          include: ["in/common/include"],
          own: "in/recipe",
          used: (name) => `in/${name}`,
          common: `in/common/${options.common.file}`,
          // The engine lies beside its adapter.
          search: [
            ...(engine === undefined ? [] : ["-isystem", "in/engine/usr/include", "-Lin/engine/usr/lib"]),
            ...(options.headers === undefined ? [] : ["-isystem", "in/headers/root/usr/include"]),
          ],
          rpath: true,
        }),
        output: "libedge_nn.so",
      },
    ],
  });
  return { engine, adapter: step, licence: licenceStep(context, options), operators: chosen?.step };
}

/** The step that finds the operators of the models; undefined for an engine that is built whole. */
function chosenOperators(context: DebianContext, options: EngineOptions): BuildFile | undefined {
  const { onlyFor, engine } = options;
  const { recipe } = engine;
  const { operators, build } = recipe;
  if (onlyFor === undefined || operators === undefined || "why" in operators) return undefined;
  if (build.kind !== "cmake" && build.kind !== "compile") return undefined;
  return operatorsStep(context, {
    ...{ recipe, operators, form: build.kind, models: onlyFor },
    source: engineSource(context, options),
  });
}

/** A text that changes is a build that stops. */
function licenceStep(context: DebianContext, options: EngineOptions): string | undefined {
  const { recipe } = options.engine;
  const { files, spdx } = recipe.license;
  if (Object.keys(files).length === 0) return undefined;
  return context.plan.add({
    id: `licence/${recipe.name}`,
    kind: "licence",
    title: `Compare the licence text of ${recipe.title}`,
    why: "its recipe says under which terms it is used",
    inputs: { source: engineSource(context, options) },
    params: { title: `${recipe.title} ${recipe.version}`, spdx, files },
  });
}

/** The engine's source, with its licence texts. */
function engineSource(context: DebianContext, { engine: { recipe, folder }, board }: EngineOptions): string {
  const { build } = recipe;
  return sourceTree(context, {
    name: recipe.name,
    folder,
    local: `engines/${recipe.name}`,
    sources: recipe.sources,
    arch: board.arch,
    why: `the image's inference engine is ${recipe.title}`,
    about: { version: recipe.version, license: recipe.license.spdx, need: engineNeed(recipe.name) },
    ...(build.kind === "prebuilt"
      ? { only: [...Object.keys(build.files[board.arch] ?? {}), ...Object.keys(recipe.license.files)] }
      : {}),
  });
}

/** How an adapter is compiled, for both builders; folders are as the compiler sees them. */
export function adapterArguments(
  { recipe: { adapter }, adapter: { uses } }: Pick<CatalogRecipe, "recipe" | "adapter">,
  places: {
    readonly include: readonly string[];
    /** The recipe's folder, and the object that every adapter is linked with. */
    readonly own: string;
    readonly common: string;
    /** The folder of a library that is compiled into it. */
    readonly used: (name: string) => string;
    /** Where the engine's headers and libraries are, when not in the sysroot. */
    readonly search?: readonly string[];
    /** Whether the engine lies beside its adapter in the image. */
    readonly rpath?: boolean;
  },
): { language: "c" | "c++"; arguments: string[] } {
  const isC = adapter.sources.every((source) => source.endsWith(".c"));
  const programs = uses.flatMap(({ library: { name, programs } }) =>
    programs.map(({ include, sources }) => ({ from: places.used(name), include, sources })),
  );
  return {
    language: isC ? "c" : "c++",
    arguments: [
      ...["-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"],
      ...["-Wl,-soname,libedge_nn.so", "-Wl,-z,defs"],
      ...(places.rpath ? ["-Wl,-rpath,$ORIGIN"] : []),
      ...(isC ? ["-std=c11"] : ["-std=c++17"]),
      "-D_GNU_SOURCE",
      ...places.include.map((folder) => `-I${folder}`),
      ...programs.flatMap(({ from, include }) => include.map((folder) => `-I${from}/${folder}`)),
      ...(places.search ?? []),
      ...adapter.cflags,
      ...adapter.sources.map((source) => `${places.own}/${source}`),
      ...programs.flatMap(({ from, sources }) => sources.map((source) => `${from}/${source}`)),
      places.common,
      ...adapter.link.map((name) => `-l${name}`),
      ...["-lm", "-ldl", "-lpthread"],
    ],
  };
}

/** The engine as the board's programs link or open it; undefined when it is part of its packages. */
function buildStep(
  context: DebianContext,
  options: EngineOptions,
  operators: BuildFile | undefined,
): string | undefined {
  const { recipe } = options.engine;
  const { build } = recipe;
  const why = `the image's inference engine is ${recipe.title}`;
  switch (build.kind) {
    case "cmake":
      return cmakeBuild(context, options, { build, why, operators });
    case "prebuilt":
      return context.plan.add({
        id: `compile/${recipe.name}`,
        kind: "compose",
        title: `Take ${recipe.title} for ${options.board.arch}`,
        why,
        inputs: { source: engineSource(context, options) },
        params: {
          parts: Object.entries(build.files[options.board.arch] ?? {}).map(([path, to]) => ({
            from: "source",
            path,
            to: `usr/${to}`,
          })),
        },
      });
    case "compile":
      return libraryBuild(context, options, { build, why, operators });
    case "packages":
    case "adapter":
      return undefined;
  }
}

type Build = CatalogRecipe["recipe"]["build"];
type BuildOf<K extends Build["kind"]> = {
  readonly build: Extract<Build, { kind: K }>;
  readonly why: string;
  /** Leaves operators out. */
  readonly operators: BuildFile | undefined;
};

/** An engine that is built by CMake, with what its recipe says for the board's core. */
function cmakeBuild(
  context: DebianContext,
  options: EngineOptions,
  { build, why, operators }: BuildOf<"cmake">,
): string {
  const { board, tools } = options;
  const { recipe } = options.engine;
  const variants = build.variants.filter(({ cpus }) => cpus.includes(board.cpu));
  return cmakeStep(context, {
    id: `compile/${recipe.name}`,
    title: `Compile ${recipe.title} for ${board.cpu}`,
    why,
    source: engineSource(context, options),
    board,
    tools,
    directory: build.directory,
    options: Object.assign({}, build.options, ...variants.map(({ options }) => options)),
    cflags: [...build.cflags, ...variants.flatMap(({ cflags }) => cflags)],
    targets: build.targets,
    precompile: build.precompile,
    beforehand: operators,
  });
}

/** An engine that is one library, compiled of all its sources at once. */
function libraryBuild(
  context: DebianContext,
  options: EngineOptions,
  { build, why, operators }: BuildOf<"compile">,
): string {
  const { board, tools } = options;
  const { recipe } = options.engine;
  return gccStep(context, {
    id: `compile/${recipe.name}`,
    title: `Compile ${recipe.title} for ${board.cpu}`,
    why,
    board,
    tools,
    inputs: {
      recipe: engineSource(context, options),
      ...(operators === undefined ? {} : { operators: operators.step }),
    },
    materials: [{ input: "recipe" }],
    headers: Object.entries(build.headers).map(([path, to]) => ({
      from: `in/recipe/${path}`,
      to: `usr/include/${to}`,
    })),
    // The linker looks for the name without a version.
    links: /\.so\./.test(build.output) ? { [`usr/lib/${build.output.replace(/\.so\..*$/, ".so")}`]: build.output } : {},
    programs: [
      {
        language: build.sources.every((one) => one.endsWith(".c")) ? "c" : "c++",
        output: `usr/lib/${build.output}`,
        arguments: [
          "-shared",
          "-fPIC",
          `-Wl,-soname,${build.output}`,
          ...build.cflags,
          ...(operators === undefined ? [] : [`@in/operators/${operators.file}`]),
          "-Iin/recipe",
          ...build.sources.map((one) => `in/recipe/${one}`),
        ],
      },
    ],
  });
}
