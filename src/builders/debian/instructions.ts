import { architectures } from "../../catalog/architecture.js";
import { extensionsOf } from "../../catalog/core.js";
import type { ImageRequest } from "../../image/request.js";
import type { DebianContext } from "../../parts/roots.js";

/**
 * Steps that look through the image's machine code for what the board's core lacks, one for each assembled tree of the root file system:
 * an edit of the app looks through the app's alone. By the names of targets; none for architectures whose extensions are not known.
 */
export function instructionsSteps(
  { plan, distribution }: DebianContext,
  { board, catalog, engine, project }: ImageRequest,
  trees: readonly string[],
): Readonly<Record<string, string>> {
  const { instructions, elfMachine } = architectures[board.arch];
  if (instructions !== "a64") return {};
  const rules = [
    ...engine.recipe.dispatched.map((rule) => ({ ...rule, inputs: ["engine", "adapter"] })),
    ...[catalog.runtime, catalog.kernels].flatMap(({ dispatched, programs }) =>
      dispatched.map((rule) => ({ ...rule, inputs: programs.map(({ output }) => output) })),
    ),
    ...distribution.dispatched,
    ...project.app.dispatched,
  ];
  const steps = trees.map((tree) =>
    plan.add({
      id: `instructions/${tree}`,
      kind: "instructions",
      title: `Look for instructions that the core lacks: ${tree}`,
      why: 'a program that has them ends with "Illegal instruction" on the board',
      inputs: { image: tree },
      params: { board: board.name, cpu: board.cpu, machine: elfMachine, has: extensionsOf(board), rules },
    }),
  );
  return Object.fromEntries(steps.map((step) => [step, step]));
}
