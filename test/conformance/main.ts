import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openBench } from "./engine.js";
import { operatorOf, readNodeTest } from "./node-test.js";
import { formatVerdicts, outcomes, parseVerdicts, type Verdict } from "./outcome.js";
import { nodeTests } from "./suite.js";
import { operatorsPage } from "./table.js";

/** This program lies as deep when it is bundled. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const lists = join(home, "test/conformance/outcomes");
const page = join(home, "docs/operators.md");

/** The kept list of an engine. */
const keptFile = (engine: string): string => join(lists, `${engine}.txt`);

/** Engines with a kept list. */
export async function keptEngines(): Promise<string[]> {
  return (await readdir(lists)).map((file) => file.replace(/\.txt$/, "")).sort();
}

/** The page that the kept lists make. */
export async function renderPage(): Promise<string> {
  const engines = (await keptEngines()).map(async (engine) => ({
    engine,
    verdicts: [...(await keptVerdicts(engine)).values()],
  }));
  return operatorsPage(await Promise.all(engines));
}

/** The kept verdicts on an engine, by test. */
export async function keptVerdicts(engine: string): Promise<ReadonlyMap<string, Verdict>> {
  const text = await readFile(keptFile(engine), "utf8").catch(() => "");
  return new Map(parseVerdicts(text).map((one) => [one.name, one]));
}

/** Takes node tests through one engine. Gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: "string" },
      only: { type: "string", default: "" },
      sample: { type: "string" },
      jobs: { type: "string", default: "2" },
      compare: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      rest: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
      folder: { type: "string" },
    },
  });
  if (values.table) {
    await writeFile(page, await renderPage());
    return 0;
  }
  if (values.engine === undefined) throw new Error("--engine NAME");
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), "edgeimg-conformance-")));
  const file = keptFile(values.engine);
  const known = await keptVerdicts(values.engine);
  const only = new RegExp(values.only);
  const news = new Map(values.rest ? known : []);
  const keep = async () => {
    if (news.size === 0) return;
    const all = [...new Map([...known, ...news]).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    await writeFile(file, formatVerdicts(all));
  };
  try {
    const verdicts = await judgeAll(values.engine, {
      folder: join(folder, values.engine),
      wanted: (name) => only.test(name) && !(values.rest && known.has(name)),
      sample: Number(values.sample ?? Number.POSITIVE_INFINITY),
      jobs: Number(values.jobs),
      signal: controller.signal,
      async show(verdict, ms) {
        const { name, outcome, why, says = "" } = verdict;
        console.log(`${name} ${outcome} ${why} ${(ms / 1000).toFixed(1)} s  ${says}`);
        news.set(name, verdict);
        if (values.write && news.size % 20 === 0) await keep();
      },
    });
    if (values.write) await keep();
    return conclude(verdicts, values.compare ? known : undefined);
  } finally {
    if (values.folder === undefined) await rm(folder, { recursive: true, force: true });
  }
}

export interface Judging {
  readonly folder: string;
  readonly wanted: (name: string) => boolean;
  /** At most so many, chosen evenly. */
  readonly sample: number;
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly show: (verdict: Verdict, ms: number) => Promise<void>;
}

/** The verdicts on chosen tests, in the order of their names. */
export async function judgeAll(engine: string, options: Judging): Promise<Verdict[]> {
  const { folder, jobs, signal, show } = options;
  const bench = await openBench(engine, folder, signal);
  const suite = await nodeTests(bench.services);
  const queue = inRounds(evenly(suite.names.filter(options.wanted), options.sample), (name) =>
    operatorOf(suite.folderOf(name)),
  );
  const verdicts: Verdict[] = [];
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined && !signal.aborted; name = queue.shift()) {
      const started = performance.now();
      const verdict = await bench.judge(name, readNodeTest(suite.folderOf(name))).catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (verdict === undefined) return;
      await show(verdict, performance.now() - started);
      verdicts.push(verdict);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return verdicts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Tests in rounds, one of each operator a round, so that each beginning of the list says something of every operator. A function's body as nodes comes last. */
function inRounds(names: readonly string[], operator: (name: string) => string): string[] {
  const isExpanded = (name: string) => name.includes("_expanded");
  const rounds = (list: readonly string[]) => {
    const byOperator = new Map<string, string[]>();
    for (const name of scattered(list))
      byOperator.set(operator(name), [...(byOperator.get(operator(name)) ?? []), name]);
    const groups = [...byOperator.values()];
    const longest = Math.max(0, ...groups.map(({ length }) => length));
    return Array.from({ length: longest }, (_, round) =>
      groups.flatMap((group) => group.slice(round, round + 1)),
    ).flat();
  };
  return [...rounds(names.filter((name) => !isExpanded(name))), ...rounds(names.filter(isExpanded))];
}

/** A list in an order in which each beginning of it comes from everywhere: names that are near tell the same. */
function scattered<T>(list: readonly T[]): T[] {
  const bits = Math.ceil(Math.log2(list.length + 1));
  const reversed = (index: number) =>
    Number.parseInt(index.toString(2).padStart(bits, "0").split("").reverse().join(""), 2);
  return list
    .map((one, index) => ({ one, place: reversed(index) }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

/** At most `count` of a list, as far apart as they can be. */
export function evenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, index) => list[Math.floor((index * list.length) / count)]).flatMap((one) =>
    one === undefined ? [] : [one],
  );
}

/** Shows the numbers of outcomes, and what is not as it was known. Gives the exit code. */
function conclude(verdicts: readonly Verdict[], known: ReadonlyMap<string, Verdict> | undefined): number {
  for (const [outcome, words] of Object.entries(outcomes))
    console.log(`${words}: ${verdicts.filter((one) => one.outcome === outcome).length}`);
  if (known === undefined) return 0;
  const others = verdicts.filter(({ name, outcome }) => known.get(name)?.outcome !== outcome);
  for (const { name, outcome } of others)
    console.log(`${name}: ${outcome}, and ${known.get(name)?.outcome ?? "nothing"} in the kept list`);
  return others.length > 0 ? 1 : 0;
}
