import { type ProgramRole, programOf, type RuntimeProgram, type RuntimeRecipe } from "../catalog/runtime.js";
import type { ImageRequest } from "../image/request.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { type AppSteps, appSteps } from "./app.js";
import { compileRoots } from "./compile-roots.js";
import { engineSteps } from "./engine.js";
import { emulated } from "./launch.js";
import { referenceStep } from "./model-source.js";
import { type ModelOptions, type ModelSteps, modelFiles, modelSteps } from "./models.js";
import type { packageSets } from "./package-sets.js";
import { type DebianContext, toolsRoot } from "./roots.js";
import { type CompiledProgram, localRecipe, programStep } from "./runtime.js";

/** What an image holds beside the distribution's files, as steps. */
export interface ImageParts {
  /** Roots of host programs. */
  readonly tools: { readonly image: string; readonly qemu: string };
  readonly sysroot: string;
  /** The installed programs of recipes/runtime, and of recipes/kernels when the project wants them: file name -> step. */
  readonly programs: Readonly<Record<string, string>>;
  /** Undefined when the engine is part of its packages. */
  readonly engine: string | undefined;
  readonly adapter: string;
  /** Compares the engine's licence texts; undefined when its recipe names none. */
  readonly licence: string | undefined;
  readonly app: AppSteps;
  /** The program that runs one model. */
  readonly runner: CompiledProgram;
  readonly models: {
    /** The steps that check a converted model, by its name; none for an engine that nothing here can run. */
    readonly checks: Readonly<Record<string, string>>;
    /** What measures a model is made of, by its name. */
    readonly measured: readonly (Pick<ModelSteps, "folder" | "common"> & { readonly name: string })[];
    readonly inputs: Readonly<Record<string, string>>;
    readonly entries: readonly AssembleEntry[];
  };
}

/** Adds the steps that make runtime, engine, models and app. */
export function imageParts(
  context: DebianContext,
  request: ImageRequest,
  sets: ReturnType<typeof packageSets>,
): ImageParts {
  const { project, board, engine, catalog } = request;
  const image = toolsRoot(context, "image");
  const qemu = toolsRoot(context, "qemu");
  const { sysroot, engineSysroot, libraries, headers } = compileRoots(context, sets, {
    title: "Unpack the sysroot",
    why: "headers and libraries that the board's programs are compiled against",
    engineWhy: "the engine is compiled against packages that nothing else needs",
  });
  const tools = { toolchain: toolsRoot(context, "toolchain"), sysroot };
  const recipes = `${catalog.home}/recipes`;
  const step = (recipe: RuntimeRecipe, one: RuntimeProgram) =>
    programStep(context, one, { recipe, recipes, board, tools, libraries });
  const program = (role: ProgramRole): CompiledProgram => {
    const one = programOf(catalog.runtime, role);
    return { step: step(catalog.runtime, one), file: one.output };
  };
  const installed = [catalog.runtime, ...(project.kernels ? [catalog.kernels] : [])].flatMap((recipe) =>
    recipe.programs.filter(({ install }) => install !== null).map((one) => [one.output, step(recipe, one)]),
  );
  const engineTools = { ...tools, sysroot: engineSysroot };
  const common = program("adapter-common");
  const compiled = engineSteps(context, { engine, board, tools: engineTools, headers, common });

  const reference = referenceStep(context, request);
  const runner = program("model-runner");
  const models = checkedModels(context, request, {
    options: { engine, catalog, board, tools, reference, hostTools: image },
    check: { qemu, sysroot: engineSysroot, runner: runner.step, ...compiled },
  });
  const app = appSteps(context, {
    project,
    localPath: request.localPath,
    exclude: request.exclude,
    dependencies: request.dependencies,
    versions: request.versions,
    runtimeRecipe: localRecipe(context, "runtime", `${recipes}/runtime`),
    runtime: program("app-host"),
    launcher: emulated(context, { board, qemu, sysroot }),
    ports: Object.fromEntries(models.map(({ name, ports }) => [name, ports])),
  });
  return {
    tools: { image, qemu },
    sysroot,
    programs: Object.fromEntries(installed),
    ...compiled,
    app,
    runner,
    models: {
      checks: Object.fromEntries(models.flatMap(({ name, check }) => (check === undefined ? [] : [[name, check]]))),
      measured: models,
      ...modelFiles(models),
    },
  };
}

/** The project's models, each converted and checked. */
function checkedModels(
  context: DebianContext,
  { project, localPath }: Pick<ImageRequest, "project" | "localPath">,
  from: {
    readonly options: Omit<ModelOptions, "name" | "config" | "localPath" | "check">;
    readonly check: ModelOptions["check"];
  },
) {
  return Object.entries(project.models).map(([name, config]) => {
    const steps = modelSteps(context, { ...from.options, name, config, localPath, check: from.check });
    return { name, ...steps };
  });
}
