import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import * as z from "../../ground/zod.js";

const names = z.record(z.string(), z.unknown()).default({});
const packageJson = z.object({ dependencies: names, devDependencies: names });

/**
 * The npm packages that an app may import: what package.json lists under `dependencies`, with their declarations (`@types/*`) among
 * `devDependencies`, and what these need in turn. Gives the names of their folders in node_modules, sorted; what is nested in such a
 * folder belongs to it. Throws ERR_EDGEIMG_APP_DEPENDENCY when package.json is damaged or a package is not installed.
 */
export async function appDependencies(folder: string): Promise<string[]> {
  const own = await readPackage(folder, "");
  const wanted = Object.keys(own.dependencies);
  const declarations = wanted
    .map((name) => `@types/${name.replace(/^@/, "").replace("/", "__")}`)
    .filter((name) => Object.hasOwn(own.devDependencies, name));
  const queue = [...wanted, ...declarations].map((name) => ({ name, from: "", asker: "the project" }));
  const places = new Set<string>();
  for (const { name, from, asker } of queue) {
    const place = await findPackage({ folder, from, name });
    if (place === undefined) {
      throw new EdgeimgError("ERR_EDGEIMG_APP_DEPENDENCY", `The npm package ${name}, needed by ${asker}, is missing.`, {
        hint: "Run `npm ci` in the project first. With pnpm, set node-linker to hoisted.",
      });
    }
    if (places.has(place)) continue;
    places.add(place);
    const { dependencies } = await readPackage(folder, place);
    queue.push(...Object.keys(dependencies).map((next) => ({ name: next, from: place, asker: name })));
  }
  return [...new Set([...places].map(topFolder))].sort();
}

/** Where Node finds a package: in the node_modules of the package that asks, else of the one around it. */
async function findPackage(wanted: { folder: string; from: string; name: string }): Promise<string | undefined> {
  for (let around = wanted.from; ; around = around.slice(0, around.lastIndexOf("node_modules")).replace(/\/$/, "")) {
    const place = join(around, "node_modules", wanted.name);
    if (await exists(join(wanted.folder, place, "package.json"))) return place;
    if (around === "") return undefined;
  }
}

/** `node_modules/@scope/name/node_modules/...` -> `@scope/name`. */
function topFolder(place: string): string {
  const [, first = "", second = ""] = place.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

async function readPackage(folder: string, place: string): Promise<z.infer<typeof packageJson>> {
  const file = join(place, "package.json");
  const text = await readFile(join(folder, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  try {
    return packageJson.parse(JSON.parse(text));
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_APP_DEPENDENCY", `${file} is no package.json.`, {
      cause,
      hint: "Correct it, or install the project's packages anew.",
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
