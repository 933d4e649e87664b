import { architectures } from "../catalog/architecture.js";
import type { ImageRequest } from "../image/request.js";
import { hasWifi, wifiInputs } from "../image/wifi.js";
import { gccStep, type Toolchain } from "./compile.js";
import type { packageSets } from "./package-sets.js";
import { type DebianContext, neededRoot, optionalRoot } from "./roots.js";
import { localRecipe } from "./runtime.js";
import { sourceTree } from "./source.js";

/** Adds what an image's Wi-Fi is laid from; nothing without it. Gives the inputs of the step that lays the root. */
export function wifiSteps(
  context: DebianContext,
  request: ImageRequest,
  { sets, tools }: { readonly sets: ReturnType<typeof packageSets>; readonly tools: Toolchain },
): Readonly<Record<string, string>> {
  const { project, board, catalog } = request;
  if (!hasWifi(project, board)) return {};
  const { recipe } = catalog.wifi;
  const folder = `${catalog.home}/recipes/${recipe.name}`;
  const own = localRecipe(context, recipe.name, folder);
  const packages = neededRoot(context, sets.wifi, {
    title: "Unpack what Wi-Fi needs",
    why: "libraries of the supplicant, and the channels that each country allows",
  });
  const firmware = optionalRoot(context, sets.radio, {
    title: "Unpack the radio's firmware",
    why: "the board's radio runs it",
    only: [...Object.keys(board.wifi?.firmware ?? {}), "usr/share/doc/*/copyright"],
  });
  const source = sourceTree(context, {
    name: recipe.program.output,
    folder,
    local: recipe.name,
    sources: recipe.sources,
    arch: board.arch,
    why: recipe.program.why,
    about: { version: recipe.version, license: recipe.license, need: "Wi-Fi" },
  });
  return {
    [wifiInputs.recipe]: own,
    [wifiInputs.packages]: packages,
    ...(firmware === undefined ? {} : { [wifiInputs.firmware]: firmware }),
    [wifiInputs.program]: programStep(context, request, { tools, own, packages, source }),
  };
}

/** The supplicant for the board's core, under its name in `out/`. */
function programStep(
  context: DebianContext,
  { board, catalog }: ImageRequest,
  from: { readonly tools: Toolchain; readonly own: string; readonly packages: string; readonly source: string },
): string {
  const { program } = catalog.wifi.recipe;
  const libraries = `in/packages/root/usr/lib/${architectures[context.arch].triplet}`;
  const headers = program.headers.flatMap((path) => ["-isystem", `in/packages/root/${path}`]);
  const object = "own.o";
  return gccStep(context, {
    id: `compile/${program.output}`,
    title: `Compile ${program.title} for ${board.cpu}`,
    why: program.why,
    board,
    tools: from.tools,
    inputs: { recipe: from.own, source: from.source, packages: from.packages },
    materials: [
      { input: "source" },
      { input: "recipe" },
      {
        input: "packages",
        paths: program.static.map((path) => `usr/lib/${architectures[context.arch].triplet}/${path}`),
      },
    ],
    programs: [
      {
        language: "c",
        output: object,
        arguments: [
          ...["-r", "-nostdlib"],
          ...program.cflags,
          ...program.own.cflags,
          ...program.include.flatMap((path) => ["-isystem", `in/source/${path}`]),
          ...headers,
          ...program.own.sources.map((path) => `in/recipe/${path}`),
        ],
      },
      {
        language: "c",
        output: program.output,
        arguments: [
          ...program.cflags,
          ...program.include.map((path) => `-Iin/source/${path}`),
          ...headers,
          ...program.sources.map((path) => `in/source/${path}`),
          `out/${object}`,
          ...program.static.map((path) => `${libraries}/${path}`),
          `-L${libraries}`,
          ...program.libs.map((name) => `-l${name}`),
          ...program.ldflags,
        ],
      },
    ],
  });
}
