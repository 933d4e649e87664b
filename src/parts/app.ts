import { relative } from "node:path/posix";
import type { Project } from "../config/project-schema.js";
import type { PlanBuilder } from "../plan/step.js";
import type { Origin } from "../provenance/origin.js";
import type { AssembleEntry } from "../steps/assemble.js";
import type { Launcher } from "./launch.js";
import type { DebianContext } from "./roots.js";
import type { CompiledProgram } from "./runtime.js";

export interface AppOptions {
  readonly project: Project;
  readonly localPath: (path: string) => string;
  readonly exclude: readonly string[];
  /** Folders in node_modules. */
  readonly dependencies: readonly string[];
  readonly versions: { readonly esbuild: string; readonly typescript: string };
  /** recipes/runtime, for the declarations of edge:*. */
  readonly runtimeRecipe: string;
  /** The compiled app host. */
  readonly runtime: CompiledProgram;
  /** How that is started while an image is built. */
  readonly launcher: Launcher;
  /** Per model the step that knows its ports. */
  readonly ports: Readonly<Record<string, string>>;
}

export interface AppSteps {
  readonly inputs: Readonly<Record<string, string>>;
  readonly entries: readonly AssembleEntry[];
  /** Those of them that the project brings as they are. */
  readonly assets: Pick<AppSteps, "inputs" | "entries">;
  /** Those of `entries` that are not made for this very QuickJS. */
  readonly portable: readonly AssembleEntry[];
  /** What `load` is told of the project's models. */
  readonly modelTypes: string;
  readonly typecheck: string;
  readonly bundle: string;
}

/** What of a project's folder is not the app's, as globs. */
export function outsideApp({ project, exclude }: Pick<AppOptions, "project" | "exclude">): string[] {
  const { entry, assets } = project.app;
  return [
    "node_modules",
    "**/node_modules",
    ".git",
    "edgeimg.lock",
    "edgeimg.yaml",
    "tests",
    "**.md",
    "**.img",
    "**.img.zst",
    "**.tar",
    // An edit there needs no compilation; but the app's sources may lie among them.
    ...assets.filter((path) => !`${entry}/`.startsWith(`${path}/`)),
    ...exclude,
  ];
}

/** The user's app: checked, bundled, compiled to bytecode by the very QuickJS that runs it. */
export function appSteps(context: DebianContext, options: AppOptions): AppSteps {
  const { plan } = context;
  const { versions } = options;
  const { entry } = options.project.app;
  const inputs = { project: projectStep(context, options), ...dependencySteps(plan, options) };
  const modelTypes = plan.add({
    id: "app/model-types",
    kind: "model-types",
    title: "Declare the models' types",
    why: "the app is checked against what its models take and give",
    inputs: options.ports,
    params: {},
  });
  const typecheck = plan.add({
    id: "app/typecheck",
    kind: "typecheck",
    title: "Check the app's types",
    why: "an error found here is not found on the board",
    inputs: { ...inputs, runtime: options.runtimeRecipe, models: modelTypes },
    params: { entry, typescript: versions.typescript },
  });
  const bundle = plan.add({
    id: "app/bundle",
    kind: "bundle",
    title: "Bundle the app",
    why: "the board runs one file",
    inputs: { ...inputs, runtime: options.runtimeRecipe },
    params: { entry, esbuild: versions.esbuild, typescript: versions.typescript },
  });
  const bytecode = bytecodeStep(context, options, bundle);
  const assets = assetSteps(context, options);
  const file = (path: string, input: string, name: string): AssembleEntry => {
    return { type: "file", path, mode: 0o644, from: { input, path: name } };
  };
  const portable = [file("app/main.js.map", "bundle", "main.js.map"), ...assets.entries];
  return {
    modelTypes,
    typecheck,
    bundle,
    inputs: { bundle, bytecode, ...assets.inputs },
    assets,
    entries: [file("app/main.qjb", "bytecode", "main.qjb"), ...portable],
    portable,
  };
}

function originOf(project: Project): Origin {
  return {
    kind: "project",
    name: project.name,
    version: "0",
    license: "LicenseRef-project",
    need: "the project's app",
  };
}

/** The project's folder, without what an app is not made of. */
function projectStep({ plan }: DebianContext, options: AppOptions): string {
  return plan.add({
    origin: originOf(options.project),
    id: "local/project",
    kind: "local",
    title: "Read the project",
    why: "it holds the app",
    inputs: {},
    params: { path: options.localPath("."), exclude: outsideApp(options) },
  });
}

/** The bundle in QuickJS's own form, made by the app host itself. */
function bytecodeStep({ plan }: DebianContext, { runtime, launcher }: AppOptions, bundle: string): string {
  return plan.add({
    id: "app/bytecode",
    kind: "run",
    materials: [{ input: "bundle" }],
    title: "Compile the app to bytecode",
    why: "it starts faster, and a syntax that the app host lacks is found here",
    inputs: { bundle, runtime: runtime.step, ...launcher.inputs },
    params: {
      commands: [
        [
          ...launcher.command,
          `in/runtime/${runtime.file}`,
          ...["--compile", "in/bundle/main.js", "--out", "out/main.qjb"],
        ],
      ],
    },
  });
}

/** The files that the project wants beside its code, as they are. */
function assetSteps({ plan }: DebianContext, { project, localPath, exclude }: AppOptions): AppSteps["assets"] {
  const steps = project.app.assets.map((path) =>
    plan.add({
      origin: originOf(project),
      id: `local/assets/${path}`,
      kind: "local",
      title: `Read ${path}`,
      why: "the project lists it under app.assets",
      inputs: {},
      params: { path: localPath(path), exclude: withinFolder(path, exclude) },
    }),
  );
  return {
    inputs: Object.fromEntries(steps.map((step) => [step, step])),
    entries: steps.map((step) => ({ type: "tree", path: "app/assets", from: { input: step, path: "" } })),
  };
}

/** Those of some paths of the project that lie within one of its folders, relative to that. */
function withinFolder(folder: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const inner = relative(folder, path);
    return inner === "" || inner.startsWith("..") ? [] : [inner];
  });
}

/** The npm packages that the app may import, as one tree, laid into the project's folder by the steps that read them. */
export function dependencySteps(
  plan: PlanBuilder,
  options: Pick<AppOptions, "dependencies" | "localPath">,
): { dependencies?: string } {
  if (options.dependencies.length === 0) return {};
  const parts = options.dependencies.map((name) => ({
    to: name,
    from: plan.add({
      id: `local/node_modules/${name}`,
      kind: "local",
      title: `Read the npm package ${name}`,
      why: "package.json lists it, or one that needs it, under dependencies",
      inputs: {},
      params: { path: options.localPath(`node_modules/${name}`), exclude: [] },
    }),
  }));
  const dependencies = plan.add({
    id: "app/dependencies",
    kind: "compose",
    title: "Collect the app's npm packages",
    why: "the app may import them",
    inputs: Object.fromEntries(parts.map(({ from }) => [from, from])),
    params: { parts },
  });
  return { dependencies };
}
