import { type ProgramRole, programOf } from "../catalog/runtime.js";
import type { ImageRequest } from "../image/request.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { type AppSteps, appSteps } from "./app.js";
import { engineSteps } from "./engine.js";
import { emulated } from "./launch.js";
import { referenceStep } from "./model-source.js";
import { type ModelSteps, modelSteps } from "./models.js";
import type { packageSets } from "./package-sets.js";
import { type DebianContext, neededRoot, optionalRoot, toolsRoot } from "./roots.js";
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
  readonly models: {
    /** The steps that check a converted model, by its name. */
    readonly checks: Readonly<Record<string, string>>;
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
  const sysroot = neededRoot(context, sets.sysroot, {
    title: "Unpack the sysroot",
    why: "headers and libraries that the board's programs are compiled against",
  });
  const engineSysroot = optionalRoot(context, sets.engineSysroot, {
    title: "Unpack the engine's sysroot",
    why: "the engine is compiled against packages that nothing else needs",
  });
  const libraries = optionalRoot(context, sets.libraries, {
    title: "Unpack the app host's libraries",
    why: "the app host is linked with them, and nothing else is",
  });
  const headers = optionalRoot(context, sets.headers, {
    title: "Unpack the engine's headers",
    why: "the adapter is compiled against them",
  });

  const tools = { toolchain: toolsRoot(context, "toolchain"), sysroot };
  const recipes = `${catalog.home}/recipes`;
  const runtimeFolder = `${recipes}/runtime`;
  const { runtime } = catalog;
  const program = (role: ProgramRole): CompiledProgram => {
    const one = programOf(runtime, role);
    return {
      step: programStep(context, one, { recipe: runtime, recipes, board, tools, libraries }),
      file: one.output,
    };
  };
  const installed = [runtime, ...(project.kernels ? [catalog.kernels] : [])].flatMap((recipe) =>
    recipe.programs
      .filter(({ install }) => install !== null)
      .map((one) => [one.output, programStep(context, one, { recipe, recipes, board, tools, libraries })]),
  );
  const compiled = engineSteps(context, {
    engine,
    board,
    tools: { ...tools, sysroot: engineSysroot ?? sysroot },
    headers,
    common: program("adapter-common"),
  });

  const reference = referenceStep(context, request);
  const models = Object.entries(project.models).map(([model, config]): [string, ModelSteps] => [
    model,
    modelSteps(context, {
      name: model,
      config,
      engine,
      catalog,
      board,
      reference,
      hostTools: image,
      localPath: request.localPath,
      check: { qemu, sysroot: engineSysroot ?? sysroot, runner: program("model-runner").step, ...compiled },
    }),
  ]);
  const app = appSteps(context, {
    project,
    localPath: request.localPath,
    exclude: request.exclude,
    dependencies: request.dependencies,
    versions: request.versions,
    runtimeRecipe: localRecipe(context, "runtime", runtimeFolder),
    runtime: program("app-host"),
    launcher: emulated(context, { board, qemu, sysroot }),
    ports: Object.fromEntries(models.map(([model, steps]) => [model, steps.ports])),
  });
  return {
    tools: { image, qemu },
    sysroot,
    programs: Object.fromEntries(installed),
    ...compiled,
    app,
    models: {
      checks: Object.fromEntries(models.map(([model, steps]) => [model, steps.check])),
      inputs: {
        ...Object.fromEntries(models.map(([model, steps]) => [`model/${model}`, steps.folder])),
        ...Object.assign({}, ...models.map(([, steps]) => steps.inputs)),
      },
      entries: models.flatMap(([model, steps]): AssembleEntry[] => [
        { type: "tree", path: `models/${model}`, from: { input: `model/${model}`, path: "" } },
        ...steps.entries,
      ]),
    },
  };
}
