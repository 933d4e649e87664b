import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compareConfig } from "../../builders/buildroot/compare-config.js";
import { defconfigName } from "../../builders/buildroot/defconfig.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { readLock } from "../session/read-lock.js";
import type { BuildrootCheckResult, BuildrootOptions, Context } from "../types.js";
import { headerPackages } from "./parts.js";
import { type Ran, runTool } from "./run-tool.js";
import { type Chosen, chooseAll, readBuildroot, readReleases, renderFiles, requireFreeNames } from "./write.js";
import { writeTree } from "./write-tree.js";

/**
 * Loads every defconfig with a release's own kconfig and runs its checks. What is checked is told by events of type `check`.
 * Throws ERR_EDGEIMG_BUILDROOT_OPTION when a line does not survive, ERR_EDGEIMG_BUILDROOT_CHECK for what else does not pass,
 * ERR_EDGEIMG_BUILDROOT_PACKAGE for a package that the release has as well.
 */
export async function checkBuildroot(
  context: Context,
  options: BuildrootOptions & { readonly legalInfo: boolean },
): Promise<BuildrootCheckResult> {
  const started = context.now();
  if (options.buildroot === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", "check needs the folder of a Buildroot release.", {
      hint: "Name it with --buildroot DIR.",
    });
  }
  const buildroot = resolve(context.cwd, options.buildroot);
  const chosen = await chooseAll(context, options);
  const known = await readReleases(chosen.project.catalog.home);
  const { release, series } = await readBuildroot(buildroot, known);
  // App and models decide nothing that is checked here: they need not be made for it.
  const parts = { app: [], models: new Map(), operators: new Map(), headers: await lockedHeaders(chosen) };
  const files = await renderFiles(context, { ...chosen, known, series, parts, epoch: 0 });
  await requireFreeNames(buildroot, files);
  const work = await mkdtemp(join(tmpdir(), "edgeimg-buildroot-"));
  try {
    const tree = join(work, "tree");
    await writeTree(tree, files);
    const job = { context, buildroot, tree, output: join(work, "output") };
    const { combinations, lost } = await checkCombinations(job, chosen);
    const style = await checkStyle(job, files.map(({ path }) => path).filter(isPackageFile));
    tellStyle(context, style);
    const legal = options.legalInfo ? await legalInfo(job) : undefined;
    if (lost.length > 0) throw lostLines(release, lost);
    if (style.messages.length > 0) {
      throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_CHECK", "check-package has something to say of the tree.", {
        details: style.messages.slice(0, 20),
        hint: "Names and texts come from board files and recipes; the rest is in templates/buildroot.",
      });
    }
    return { release, series: series.name, combinations, style: style.summary, legal, ms: context.now() - started };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The packages with headers that the lock has for each engine, if there is a lock. */
async function lockedHeaders({ project, engines, boards }: Chosen) {
  const lock = await readLock(project.lockFile);
  const arch = boards[0]?.arch;
  const of = (engine: string) => (lock === undefined ? [] : headerPackages(lock, `headers/${engine}-${arch}`));
  return new Map(engines.map(({ recipe }) => [recipe.name, of(recipe.name)]));
}

/** Loads the defconfig of each board with each engine, and tells what becomes of its lines. */
async function checkCombinations(job: Job, { boards, engines }: Chosen) {
  const combinations: BuildrootCheckResult["combinations"][number][] = [];
  const lost: string[] = [];
  for (const board of boards) {
    for (const engine of engines) {
      const name = defconfigName(board, engine);
      const title = `${board.name} with ${engine.recipe.name}`;
      const found = await checkDefconfig(job, name);
      const detail = [...found.lost, ...found.added.map((line) => `added: ${line}`)];
      job.context.emit({
        type: "check",
        name: `${title}: every line of ${name} survives`,
        passed: detail.length === 0,
        ...(detail.length === 0 ? {} : { detail: detail.join("; ") }),
      });
      lost.push(...detail.map((line) => `${title}: ${line}`));
      combinations.push({ board: board.name, engine: engine.recipe.name, ...found });
    }
  }
  return { combinations, lost };
}

function tellStyle({ emit }: Context, { ran, messages, summary }: Style): void {
  if (ran) emit({ type: "check", name: "check-package", passed: messages.length === 0, detail: summary });
  else emit({ type: "log", level: "warn", message: `check-package: ${summary}` });
}

function lostLines(release: string, lost: readonly string[]): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_BUILDROOT_OPTION",
    `Buildroot ${release} does not take ${lost.length} lines of the generated defconfigs.`,
    {
      details: lost.slice(0, 20),
      hint: "Correct the option under `buildroot` in the board's file or the engine's recipe, or use a release that has it.",
    },
  );
}

interface Job {
  readonly context: Context;
  readonly buildroot: string;
  readonly tree: string;
  readonly output: string;
}

function make(job: Job, goals: readonly string[]): Promise<Ran> {
  return runTool(job.context, {
    command: "make",
    args: ["-s", "-C", job.buildroot, `O=${job.output}`, `BR2_EXTERNAL=${job.tree}`, ...goals],
    cwd: job.buildroot,
  });
}

async function checkDefconfig(
  job: Job,
  name: string,
): Promise<{ lost: readonly string[]; added: readonly string[]; lines: number; sources: number }> {
  const saved = join(job.output, "saved_defconfig");
  const load = await make(job, [name]);
  if (load.code !== 0) throw failed(`Buildroot could not load ${name}.`, load);
  // The defconfig that a configuration was loaded from is part of it; savedefconfig must not write over it.
  const list = await make(job, [`BR2_DEFCONFIG=${saved}`, "savedefconfig", "external-deps"]);
  if (list.code !== 0) throw failed(`Buildroot could not list the sources of ${name}.`, list);
  const text = await readFile(join(job.tree, "configs", name), "utf8");
  const config = await readFile(join(job.output, ".config"), "utf8");
  return {
    ...compareConfig({ defconfig: text, config, saved: await readFile(saved, "utf8") }),
    lines: text.split("\n").filter((line) => line.includes("BR2_")).length,
    sources: list.stdout.split("\n").filter((line) => line.trim() !== "").length,
  };
}

/** Files that check-package knows; what packages bring along as sources is none of its business. */
function isPackageFile(path: string): boolean {
  return !/^package\/[^/]+\/src\//.test(path) && !path.endsWith(".md");
}

/** What check-package says; not `ran`: why it cannot. */
interface Style {
  readonly ran: boolean;
  readonly messages: readonly string[];
  readonly summary: string;
}

async function checkStyle(job: Job, files: readonly string[]): Promise<Style> {
  const ran = await runTool(job.context, {
    command: "python3",
    args: [join(job.buildroot, "utils/check-package"), "-b", ...files],
    cwd: job.tree,
  });
  const output = `${ran.stdout}\n${ran.stderr}`;
  const missing = /ModuleNotFoundError: No module named '(\w+)'/.exec(output)?.[1];
  if (missing !== undefined)
    return { ran: false, messages: [], summary: `not run: Python has no module ${missing} here` };
  const lines = ran.stdout.split("\n").filter((line) => /^\S+:\d+: /.test(line));
  const noShellcheck = lines.filter((line) => line.includes("failed to call 'shellcheck'"));
  const messages = lines.filter((line) => !noShellcheck.includes(line));
  if (ran.code !== 0 && lines.length === 0)
    return { ran: true, messages: [output.trim().slice(-500)], summary: "failed" };
  const rest = noShellcheck.length === 0 ? "" : `; ${noShellcheck.length} scripts not checked: there is no shellcheck`;
  return { ran: true, messages, summary: `${files.length} files, ${messages.length} messages${rest}` };
}

/** Runs legal-info, which downloads every source, as far as it goes. */
async function legalInfo(job: Job): Promise<string> {
  const ran = await make(job, ["legal-info"]);
  const manifest = await readFile(join(job.output, "legal-info/manifest.csv"), "utf8").catch(() => "");
  const packages = Math.max(0, manifest.split("\n").filter((line) => line !== "").length - 1);
  const text = ran.code === 0 ? `${packages} packages` : `stopped after ${packages} packages: ${lastLine(ran)}`;
  job.context.emit({ type: "check", name: "legal-info", passed: ran.code === 0, detail: text });
  return text;
}

function lastLine({ stdout, stderr }: Ran): string {
  return (stderr.trim() || stdout.trim()).split("\n").at(-1) ?? "";
}

function failed(message: string, ran: Ran): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_BUILDROOT_CHECK", message, {
    details: `${ran.stdout}\n${ran.stderr}`.trim().split("\n").slice(-10),
    hint: "Buildroot needs make, gcc and what its manual lists as mandatory packages.",
  });
}

/** Whether a path exists. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
