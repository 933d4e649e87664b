import { type ProgramRole, programOf, type RuntimeProgram, type RuntimeRecipe } from "../catalog/runtime.js";
import type { ModelConfig } from "../config/model-schema.js";
import type { ImageRequest } from "../image/request.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { type AppSteps, appSteps } from "./app.js";
import type { Toolchain } from "./compile.js";
import { compileRoots } from "./compile-roots.js";
import { type EngineOptions, engineSteps } from "./engine.js";
import { emulated } from "./launch.js";
import { referenceStep } from "./model-source.js";
import { type ModelSteps, modelFiles, modelSteps, type PrepareOptions, prepareModel } from "./models.js";
import type { packageSets } from "./package-sets.js";
import { appRuns } from "./recording.js";
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
  /** Lists the engine's operators that are built; undefined when all are. */
  readonly operators: string | undefined;
  readonly app: AppSteps;
  /** The program that runs one model. */
  readonly runner: CompiledProgram;
  readonly models: {
    /** The steps that check a converted model, by its name; none for an engine that nothing here can run. */
    readonly checks: Readonly<Record<string, string>>;
    /** The steps that measure what quantized models lose, by model. */
    readonly losses: Readonly<Record<string, string>>;
    /** The steps that judge quantized models by what the app answers, by model. */
    readonly accuracies: Readonly<Record<string, string>>;
    /** The steps that quantize models, by model. */
    readonly quantized: Readonly<Record<string, string>>;
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
  const { project, board, catalog } = request;
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
  const { compiled, models, runner } = engineAndModels(context, request, {
    tools: { ...tools, sysroot: engineSysroot },
    modelTools: tools,
    ...{ hostTools: image, qemu, headers },
    common: program("adapter-common"),
    runner: () => program("model-runner"),
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
      checks: byModel(models, "check"),
      losses: byModel(models, "loss"),
      accuracies: byModel(models, "accuracy"),
      quantized: byModel(models, "quantized"),
      measured: models,
      ...modelFiles(models),
    },
  };
}

/** The steps of one kind, by the models that have one. */
function byModel<Key extends string>(
  models: readonly ({ readonly name: string } & Readonly<Record<Key, string | undefined>>)[],
  key: Key,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    models.flatMap((one) => {
      const step = one[key];
      return step === undefined ? [] : [[one.name, step]];
    }),
  );
}

/** What the engine and the models are made with. */
interface EngineRoots extends Pick<EngineOptions, "tools" | "headers" | "common"> {
  /** What converters compile with. */
  readonly modelTools: Toolchain;
  readonly hostTools: string;
  readonly qemu: string;
  /** Adds the step with the program that runs a model on the target. */
  readonly runner: () => CompiledProgram;
}

/** Adds the engine, its adapter and the models, checked in it. A whole engine waits for no model; one of some operators for all. */
function engineAndModels(context: DebianContext, request: ImageRequest, roots: EngineRoots) {
  const { project, board, engine, catalog, localPath, ops } = request;
  const { tools, modelTools, hostTools, qemu, headers, common, runner } = roots;
  const given = Object.entries(project.models);
  const preparing = (name: string, config: ModelConfig): PrepareOptions => {
    const reference = referenceStep(context, request);
    const runs = appRuns(context, request);
    return { ...{ name, config, engine, catalog, board, reference, hostTools, localPath, runs }, tools: modelTools };
  };
  const onlyFor =
    ops === "all"
      ? undefined
      : given.map(([name, config]) => ({ name, ...prepareModel(context, preparing(name, config)) }));
  const compiled = engineSteps(context, { engine, board, tools, headers, common, onlyFor });
  referenceStep(context, request);
  const program = runner();
  const check = { qemu, sysroot: tools.sysroot, runner: program.step, ...compiled };
  const models = given.map(([name, config]) => ({
    name,
    ...modelSteps(context, { ...preparing(name, config), check }),
  }));
  return { compiled, models, runner: program };
}
