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

/** Boards on such machines, each with the engines whose recipes say that the example was booted there: `proven.on`, and nothing else, says what is booted. */
export function bootedWith(
  example: string,
  has: (machine: string, engine: string) => boolean,
): Readonly<Record<string, readonly string[]>> {
  const { boards, engines } = builtIn;
  const found: Record<string, string[]> = {};
  for (const { recipe } of engines.values())
    for (const proof of recipe.proven.on) {
      const machine = proof.how === "booted" ? boards.get(proof.board)?.qemu.machine : undefined;
      if (proof.how !== "booted" || proof.example !== example || machine === undefined || !has(machine, recipe.name))
        continue;
      found[proof.board] = [...(found[proof.board] ?? []), recipe.name];
    }
  return found;
}

/** What a recipe says that its engine adds to an image of a board. */
export function statedSize(board: string, engine: string): number | undefined {
  const { boards, engines } = builtIn;
  return engines.get(engine)?.recipe.proven.size[boards.get(board)?.cpu ?? ""];
}
