import { architectures } from "../catalog/architecture.js";
import type { Core } from "../image/request.js";
import type { Material } from "../provenance/origin.js";
import type { DebianContext } from "./roots.js";

/** The steps that every compilation reads. */
export interface Toolchain {
  /** A tools root with cross GCC, CMake and ninja. */
  readonly toolchain: string;
  readonly sysroot: string;
}

const toolFolder = "in/toolchain/root/usr/bin";
/** PATH of a step that compiles: nothing of the host's. */
const toolPath: string[] = [toolFolder];
const sysrootFolder = "{cwd}/in/sysroot/root";

/** Programs of the toolchain's root as commands name them. */
function toolchainPrograms({ distribution }: DebianContext): { readonly cmake: string; readonly ninja: string } {
  const { cmake, ninja } = distribution.tools.toolchain.programs;
  return { cmake: `in/toolchain/root/${cmake}`, ninja: `in/toolchain/root/${ninja}` };
}

/**
 * Flags for the board's core. Paths of the machine are kept out of the objects (GCC manual, -ffile-prefix-map), as are the
 * GNU build id and anything that depends on the place of the work folder.
 */
export function targetFlags(context: DebianContext, board: Pick<Core, "cpu">, root = sysrootFolder): string[] {
  const { triplet, cpuOption } = architectures[context.arch];
  const sysroot = context.distribution.tools.toolchain.sysrootFlags.map((flag) =>
    flag.replaceAll("{sysroot}", root).replaceAll("{triplet}", triplet),
  );
  return [...sysroot, "-O2", `${cpuOption}=${board.cpu}`, "-ffile-prefix-map={cwd}=.", "-Wl,--build-id=none"];
}

/**
 * The C compiler for a program of a step that compiles for the board by itself: the first words of its command, its inputs and PATH. The inputs
 * are named apart from those of that program, which may have a sysroot of its own.
 */
export function compilerCommand(
  context: DebianContext,
  { board, tools }: { readonly board: Pick<Core, "cpu">; readonly tools: Toolchain },
): { readonly command: readonly string[]; readonly inputs: Readonly<Record<string, string>>; readonly path: string[] } {
  const folder = "in/board-toolchain/root/usr/bin";
  return {
    command: [
      `${folder}/${architectures[context.arch].triplet}-gcc`,
      ...targetFlags(context, board, "{cwd}/in/board-sysroot/root"),
    ],
    inputs: { "board-toolchain": tools.toolchain, "board-sysroot": tools.sysroot },
    path: [folder],
  };
}

export interface CmakeOptions {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** The step whose tree is the source. */
  readonly source: string;
  readonly board: Pick<Core, "cpu">;
  readonly tools: Toolchain;
  readonly directory: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly cflags: readonly string[];
  readonly targets: readonly string[];
  /** By target, headers that are read once for all of its C++ sources. */
  readonly precompile: Readonly<Record<string, readonly string[]>>;
  /** A step with a script of CMake that fills its cache beforehand. */
  readonly beforehand?: { readonly step: string; readonly file: string } | undefined;
}

/** Cross-compiles a CMake project; the result is its installation, stripped, below `usr/`. */
export function cmakeStep(context: DebianContext, job: CmakeOptions): string {
  const { triplet } = architectures[context.arch];
  const { cmake, ninja } = toolchainPrograms(context);
  const tool = (name: string) => `{cwd}/${toolFolder}/${name}`;
  const flags = [...targetFlags(context, job.board), ...job.cflags].join(" ");
  const cache: Record<string, string | number | boolean> = {
    CMAKE_MAKE_PROGRAM: `{cwd}/${ninja}`,
    CMAKE_SYSTEM_NAME: "Linux",
    CMAKE_SYSTEM_PROCESSOR: triplet.split("-")[0] ?? "",
    CMAKE_C_COMPILER: tool(`${triplet}-gcc`),
    CMAKE_CXX_COMPILER: tool(`${triplet}-g++`),
    CMAKE_AR: tool(`${triplet}-ar`),
    CMAKE_RANLIB: tool(`${triplet}-ranlib`),
    CMAKE_STRIP: tool(`${triplet}-strip`),
    CMAKE_FIND_ROOT_PATH: sysrootFolder,
    CMAKE_FIND_ROOT_PATH_MODE_PROGRAM: "NEVER",
    CMAKE_FIND_ROOT_PATH_MODE_LIBRARY: "ONLY",
    CMAKE_FIND_ROOT_PATH_MODE_INCLUDE: "ONLY",
    CMAKE_FIND_ROOT_PATH_MODE_PACKAGE: "ONLY",
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_SKIP_RPATH: true,
    CMAKE_INSTALL_PREFIX: "/usr",
    CMAKE_INSTALL_LIBDIR: "lib",
    CMAKE_C_FLAGS: flags,
    CMAKE_CXX_FLAGS: flags,
    ...job.options,
  };
  const precompile = precompileStep(context, job);
  if (precompile !== undefined) cache.CMAKE_PROJECT_TOP_LEVEL_INCLUDES = `{cwd}/in/precompile/${precompileFile}`;
  const definitions = Object.entries(cache).map(
    ([key, value]) => `-D${key}=${value === true ? "ON" : value === false ? "OFF" : value}`,
  );
  const { beforehand } = job;
  const initial = beforehand === undefined ? [] : ["-C", `in/operators/${beforehand.file}`];
  return context.plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: {
      ...{ toolchain: job.tools.toolchain, sysroot: job.tools.sysroot, source: job.source },
      ...(beforehand === undefined ? {} : { operators: beforehand.step }),
      ...(precompile === undefined ? {} : { precompile }),
    },
    materials: [{ input: "source" }],
    // ninja starts as many compilers as there are jobs.
    weight: "all",
    params: {
      copies: { source: "src" },
      path: toolPath,
      env: { DESTDIR: "{cwd}/out" },
      commands: [
        [cmake, "-G", "Ninja", "-S", `src/${job.directory}`, "-B", "build", ...initial, ...definitions],
        [ninja, "-C", "build", "-j{jobs}", ...job.targets],
        [cmake, "--install", "build", "--strip"],
      ],
    },
  });
}

const precompileFile = "precompile.cmake";

/** Writes which headers a project precompiles: CMake reads it where the project begins, and heeds it where its targets are known (cmake-language(7), DEFER). */
function precompileStep(context: DebianContext, { id, why, precompile }: CmakeOptions): string | undefined {
  const calls = Object.entries(precompile).map(([target, headers]) => {
    const ofCxx = headers.map((header) => `"$<$<COMPILE_LANGUAGE:CXX>:${header.replace(/>$/, "$<ANGLE-R>")}>"`);
    return `cmake_language(DEFER CALL target_precompile_headers ${target} PRIVATE ${ofCxx.join(" ")})\n`;
  });
  if (calls.length === 0) return undefined;
  return context.plan.add({
    id: id.replace(/^compile/, "precompile"),
    kind: "compose",
    title: "Say which headers are read once",
    why,
    inputs: {},
    params: { parts: [], files: { [precompileFile]: calls.join("") } },
  });
}

export interface GccOptions {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly board: Pick<Core, "cpu">;
  readonly tools: Toolchain;
  /** Further inputs, by name: `in/NAME` in arguments. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The inputs that end up in what is compiled, the main one first. */
  readonly materials: readonly Material[];
  /** Files copied into the result beside what is compiled. */
  readonly headers?: readonly { readonly from: string; readonly to: string }[];
  /** Symbolic links in the result: path -> target. */
  readonly links?: Readonly<Record<string, string>>;
  /** One command each: the language's compiler, its arguments, what it makes below `out/`. */
  readonly programs: readonly {
    readonly language: "c" | "c++";
    readonly arguments: readonly string[];
    readonly output: string;
  }[];
}

/** Compiles and links our own C and C++ in single commands, and strips the results. */
export function gccStep(context: DebianContext, job: GccOptions): string {
  const { triplet } = architectures[context.arch];
  const flags = targetFlags(context, job.board);
  const { cmake } = toolchainPrograms(context);
  const compile = job.programs.map(({ language, arguments: args, output }) => [
    `${toolFolder}/${triplet}-${language === "c" ? "gcc" : "g++"}`,
    ...flags,
    ...args,
    "-o",
    `out/${output}`,
  ]);
  // CMake is the only tool of the set that copies and links files.
  const copies = (job.headers ?? []).map(({ from, to }) => [cmake, "-E", "copy", from, `out/${to}`]);
  const outputs = [...job.programs.map(({ output }) => output), ...(job.headers ?? []).map(({ to }) => to)];
  const links = Object.entries(job.links ?? {}).map(([path, target]) => [
    cmake,
    "-E",
    "create_symlink",
    target,
    `out/${path}`,
  ]);
  const strip = job.programs.map(({ output }) => [
    `${toolFolder}/${triplet}-strip`,
    "--strip-unneeded",
    `out/${output}`,
  ]);
  return context.plan.add({
    id: job.id,
    kind: "run",
    title: job.title,
    why: job.why,
    inputs: { toolchain: job.tools.toolchain, sysroot: job.tools.sysroot, ...job.inputs },
    materials: job.materials,
    params: { path: toolPath, folders: folders(outputs), commands: [...copies, ...compile, ...strip, ...links] },
  });
}

/** The folders below `out/` that some outputs lie in. */
function folders(outputs: readonly string[]): string[] {
  return [
    ...new Set(outputs.flatMap((path) => (path.includes("/") ? [`out/${path.slice(0, path.lastIndexOf("/"))}`] : []))),
  ];
}
