import { type ProgramRole, programOf, type RuntimeProgram, type RuntimeRecipe } from "../catalog/runtime.js";
import type { AppRequest } from "../image/request.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { type AppSteps, appSteps } from "./app.js";
import { compileRoots } from "./compile-roots.js";
import { type EngineSteps, engineSteps } from "./engine.js";
import { native } from "./launch.js";
import { besides, referenceStep } from "./model-source.js";
import { modelFiles, prepareModel } from "./models.js";
import type { programSets } from "./package-sets.js";
import type { AppRuns } from "./quantize.js";
import { type DebianContext, toolsRoot } from "./roots.js";
import { type CompiledProgram, localRecipe, programStep } from "./runtime.js";

/** What an app needs to run on the machine that builds, as steps. */
export interface HostParts extends EngineSteps {
  /** The root that the programs were compiled against: their loader and libraries. */
  readonly sysroot: string;
  /** The app host. */
  readonly runtime: CompiledProgram;
  /** Keeps what models are fed, in the engine's place. */
  readonly recorder: CompiledProgram;
  /** The quantized kernels, when the project wants them. */
  readonly kernels: readonly CompiledProgram[];
  readonly app: AppSteps;
  readonly models: {
    readonly inputs: Readonly<Record<string, string>>;
    readonly entries: readonly AssembleEntry[];
  };
}

/**
 * Adds the steps that make runtime, engine, models and app for the machine that builds: those of an image with that machine as the board.
 * Models are not run: what an image's engine makes of them is the image's matter.
 */
export function hostParts(
  context: DebianContext,
  request: AppRequest,
  sets: ReturnType<typeof programSets>,
  runs: AppRuns,
): HostParts {
  const { project, board, engine, catalog } = request;
  const why = "programs for this machine are compiled against it, and run with its libraries";
  const roots = compileRoots(context, sets, { title: "Unpack this machine's sysroot", why, engineWhy: why });
  const { sysroot: base, engineSysroot: sysroot, libraries, headers } = roots;
  const tools = { toolchain: toolsRoot(context, "toolchain"), sysroot: base };
  const recipes = `${catalog.home}/recipes`;
  const from = { recipes, board, tools, libraries };
  const compiledOf = (recipe: RuntimeRecipe, program: RuntimeProgram): CompiledProgram => ({
    step: programStep(context, program, { recipe, ...from }),
    file: program.output,
  });
  const program = (role: ProgramRole) => compiledOf(catalog.runtime, programOf(catalog.runtime, role));
  const runtime = program("app-host");
  const kernels = project.kernels ? catalog.kernels.programs.map((one) => compiledOf(catalog.kernels, one)) : [];
  const compiled = engineSteps(context, {
    engine,
    board,
    tools: { ...tools, sysroot },
    headers,
    common: program("adapter-common"),
  });
  const reference = referenceStep(context, request);
  const models = Object.entries(project.models).map(([name, config]) => {
    const options = { name, config, engine, catalog, board, tools, reference, runs };
    const { localPath } = request;
    // The sysroot is a root of this machine's: its loader starts converters as well.
    const prepared = prepareModel(context, { ...options, hostTools: base, localPath });
    return { name, ...prepared, ...besides(context, { name, config, localPath }) };
  });
  const app = appSteps(context, {
    project,
    localPath: request.localPath,
    exclude: request.exclude,
    dependencies: request.dependencies,
    versions: request.versions,
    runtimeRecipe: localRecipe(context, "runtime", `${recipes}/runtime`),
    runtime,
    launcher: native(context, base),
    ports: Object.fromEntries(models.map(({ name, ports }) => [name, ports])),
  });
  return {
    ...compiled,
    sysroot,
    runtime,
    recorder: program("recorder"),
    kernels,
    app,
    models: modelFiles(models),
  };
}
