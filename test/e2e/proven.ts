import { fileURLToPath } from "node:url";
import { type Catalog, loadCatalog } from "../../src/catalog/catalog.js";
import { conversionPath } from "../../src/parts/conversion.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

export const builtIn: Catalog = await loadCatalog(home, undefined);

/** Whether an engine's ONNX models are made for one shape at a time. */
export function hasFixedShapes(engine: string): boolean {
  const accepts = builtIn.engines.get(engine)?.recipe.model.accepts ?? [];
  const job = { model: "any", from: "onnx", engine, accepts };
  return conversionPath(builtIn.converters, job).some(({ converter }) => converter.shapes === "fixed");
}

export interface BootedExample {
  readonly example: string;
  readonly engine: string;
  readonly board: string;
}

/** What recipes say that is booted, for such examples: `proven.on`, and nothing else, says it. */
export function bootedExamples(has: (example: string) => boolean): readonly BootedExample[] {
  return [...builtIn.engines.values()].flatMap(({ recipe }) =>
    recipe.proven.on.flatMap((proof) =>
      proof.how === "booted" && has(proof.example)
        ? [{ example: proof.example, engine: recipe.name, board: proof.board }]
        : [],
    ),
  );
}

/** Boards on such machines, each with the engines that an example is booted with. */
export function bootedWith(
  wanted: string,
  has: (machine: string, engine: string) => boolean,
): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  for (const { board, engine } of bootedExamples((example) => example === wanted)) {
    const machine = builtIn.boards.get(board)?.qemu.machine;
    if (machine !== undefined && has(machine, engine)) found[board] = [...(found[board] ?? []), engine];
  }
  return found;
}

/** What a recipe says that its engine adds to an image of a board. */
export function statedSize(board: string, engine: string): number | undefined {
  const { boards, engines } = builtIn;
  return engines.get(engine)?.recipe.proven.size[boards.get(board)?.cpu ?? ""];
}
