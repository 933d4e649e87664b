import { fileURLToPath } from "node:url";
import { type Catalog, loadCatalog } from "../../src/catalog/catalog.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

export const builtIn: Catalog = await loadCatalog(home, undefined);

/** Boards on such machines, each with the engines whose recipes say that the example was booted there: `proven.on`, and nothing else, says what is booted. */
export function bootedWith(
  example: string,
  has: (machine: string) => boolean,
): Readonly<Record<string, readonly string[]>> {
  const { boards, engines } = builtIn;
  const found: Record<string, string[]> = {};
  for (const { recipe } of engines.values())
    for (const proof of recipe.proven.on) {
      const machine = proof.how === "booted" ? boards.get(proof.board)?.qemu.machine : undefined;
      if (proof.how !== "booted" || proof.example !== example || machine === undefined || !has(machine)) continue;
      found[proof.board] = [...(found[proof.board] ?? []), recipe.name];
    }
  return found;
}

/** What a recipe says that its engine adds to an image of a board. */
export function statedSize(board: string, engine: string): number | undefined {
  const { boards, engines } = builtIn;
  return engines.get(engine)?.recipe.proven.size[boards.get(board)?.cpu ?? ""];
}
