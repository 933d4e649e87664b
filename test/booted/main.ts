import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { allOf } from "./plan.js";
import { isRight, isSame, type Key, type Result, results, sorted } from "./result.js";
import { runExample } from "./run.js";
import { withTable } from "./table.js";

/** This program lies as deep when it is bundled. */
const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const file = join(home, "test/booted/results.json");
export const page = join(home, "docs/engines.md");

export async function keptResults(): Promise<Result[]> {
  return results.parse(JSON.parse(await readFile(file, "utf8").catch(() => "[]")));
}

/** The page with the table that the kept results make. */
export async function renderPage(): Promise<string> {
  return withTable(await readFile(page, "utf8"), allOf(await loadCatalog(home, undefined), home), await keptResults());
}

/** Boots examples. Gives the exit code: 0 when each did what it must, or its model was refused. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      example: { type: "string" },
      engine: { type: "string" },
      board: { type: "string" },
      missing: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
      lock: { type: "string" },
    },
  });
  if (values.table) {
    await writeFile(page, await renderPage());
    return 0;
  }
  const catalog = await loadCatalog(home, undefined);
  const kept = values.missing ? await keptResults() : [];
  const versionOf = (engine: string) => catalog.engines.get(engine)?.recipe.version;
  const isKept = (key: Key) => kept.some((one) => isSame(one, key) && one.version === versionOf(key.engine));
  const wanted = chosen(allOf(catalog, home), values).filter((key) => !isKept(key));
  if (wanted.length === 0 && !values.missing) throw new Error("no example with models is run so");
  let isGood = true;
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-examples-"));
  const running = { program: join(home, "dist/bundle/main.js"), folder, lock: join(folder, "edgeimg.lock") };
  if (values.lock !== undefined && existsSync(values.lock)) await copyFile(values.lock, running.lock);
  for (const key of wanted) {
    try {
      const started = performance.now();
      const result = await runExample(key, running);
      console.log(`${JSON.stringify(result)} ${Math.round((performance.now() - started) / 1000)} s`);
      isGood &&= isRight(result) || "refused" in result;
      if (values.write) await keep(result);
    } catch (error) {
      isGood = false;
      console.error(`${Object.values(key).join(" ")}: ${error instanceof Error ? error.stack : error}`);
      if (error instanceof Error && "details" in error) console.error(error.details);
    }
  }
  if (values.lock !== undefined) await copyFile(running.lock, values.lock);
  await rm(folder, { recursive: true, force: true });
  return isGood ? 0 : 1;
}

type Words = { readonly [name in keyof Key]?: string | undefined };

/** What of a plan is meant. A board that the table does not have is taken by its name. */
function chosen(planned: readonly Key[], { example, engine, board }: Words): Key[] {
  const found = planned.filter(
    (key) => (example === undefined || key.example === example) && (engine === undefined || key.engine === engine),
  );
  if (board === undefined) return found;
  const [first] = found;
  return found.filter((key) => key.board === first?.board).map((key) => ({ ...key, board }));
}

async function keep(result: Result): Promise<void> {
  const others = (await keptResults()).filter((one) => !isSame(one, result));
  await writeFile(file, `${JSON.stringify(sorted([...others, result]), null, 1)}\n`);
}
