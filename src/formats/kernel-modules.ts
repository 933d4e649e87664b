/** A loadable module of a kernel. */
export interface KernelModule {
  /** Path below the folder of the kernel's modules. */
  readonly path: string;
  /** Modules whose symbols it uses, in load order: names with "_". */
  readonly needs: readonly string[];
  /** Modules that it asks to be loaded before it, though it can do without (`MODULE_SOFTDEP`, "pre:"). */
  readonly before: readonly string[];
}

/** The modules of one kernel, by name. "-" and "_" are the same in names of modules; here it is always "_". */
export interface ModuleIndex {
  readonly modules: Readonly<Record<string, KernelModule>>;
  /** Drivers within the kernel itself. */
  readonly builtin: readonly string[];
}

/** What depmod writes, and the kernel's own list of built-in modules. */
export interface ModuleFiles {
  readonly "modules.dep": string;
  readonly "modules.softdep": string;
  readonly "modules.alias": string;
  readonly "modules.builtin": string;
}

/** "kernel/drivers/net/virtio-net.ko.xz" and "virtio-net" -> "virtio_net". */
export function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const end = file.indexOf(".ko");
  return (end === -1 ? file : file.slice(0, end)).replaceAll("-", "_");
}

/** Reads depmod's text files (modules.dep(5), depmod.d(5)). */
export function moduleIndex(files: ModuleFiles): ModuleIndex {
  const builtin = wordLines(files["modules.builtin"]).flatMap(([path]) =>
    path === undefined ? [] : [moduleName(path)],
  );
  const paths = new Map<string, { readonly path: string; readonly needs: readonly string[] }>();
  for (const [path = "", ...needs] of wordLines(files["modules.dep"])) {
    if (!path.endsWith(":")) continue;
    // modules.dep has what must be loaded first at the end.
    paths.set(moduleName(path), { path: path.slice(0, -1), needs: needs.map(moduleName).reverse() });
  }
  const aliases = new Map<string, string[]>();
  for (const [word, alias = "", name = ""] of wordLines(files["modules.alias"])) {
    if (word === "alias") aliases.set(alias, [...(aliases.get(alias) ?? []), moduleName(name)]);
  }
  const before = new Map<string, string[]>();
  for (const [word, name = "", ...rest] of wordLines(files["modules.softdep"])) {
    if (word !== "softdep" || rest[0] !== "pre:") continue;
    const end = rest.indexOf("post:");
    const wanted = rest.slice(1, end === -1 ? undefined : end);
    const found = wanted.flatMap((one) => (paths.has(moduleName(one)) ? [moduleName(one)] : (aliases.get(one) ?? [])));
    before.set(moduleName(name), [...(before.get(moduleName(name)) ?? []), ...found]);
  }
  const modules = [...paths].map(([name, found]) => [name, { ...found, before: before.get(name) ?? [] }] as const);
  return { modules: Object.fromEntries(modules), builtin };
}

export interface LoadOrder {
  /** Names in an order in which each module stands behind those that it needs. */
  readonly order: readonly string[];
  /** Wanted names that the kernel does not have. */
  readonly unknown: readonly string[];
  /** What modules need but the kernel does not have. */
  readonly missing: readonly { readonly name: string; readonly neededBy: string }[];
}

/** The modules that must be loaded for the wanted ones, without those that are loaded already. Wanted ones keep their order. */
export function loadOrder(index: ModuleIndex, wanted: readonly string[], loaded: readonly string[] = []): LoadOrder {
  const modules = new Map(Object.entries(index.modules));
  const builtin = new Set(index.builtin);
  const seen = new Set(loaded);
  const order: string[] = [];
  const missing: { name: string; neededBy: string }[] = [];
  const take = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const found = modules.get(name);
    for (const one of found?.before ?? []) if (modules.has(one)) take(one);
    for (const one of found?.needs ?? []) {
      if (modules.has(one)) take(one);
      else if (!builtin.has(one)) missing.push({ name: one, neededBy: name });
    }
    order.push(name);
  };
  const names = wanted.map(moduleName);
  for (const name of names) if (modules.has(name)) take(name);
  return {
    order,
    unknown: wanted.filter((name) => !modules.has(moduleName(name)) && !builtin.has(moduleName(name))),
    missing,
  };
}

/** The words of each line that is no comment. */
function wordLines(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" ").filter((word) => word !== ""));
}
