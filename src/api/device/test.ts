import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { type JunitSuite, junitXml } from "../../report/junit.js";
import { buildPrepared } from "../build/build.js";
import type { Built } from "../session/built.js";
import type { Context, TestOptions, TestReport } from "../types.js";
import { bootable, withBoard } from "./run.js";
import { runTests } from "./run-tests.js";

/**
 * Builds what is missing, boots the very image, as often as asked, and compares its console lines and HTTP answers with the project's
 * `tests`.
 */
export async function testImage(context: Context, options: TestOptions): Promise<TestReport> {
  const started = context.now();
  const { junit, repeat = 1 } = options;
  const built = await buildPrepared(context, options);
  const { board, engine, project } = built.prepared.request;
  const suites: JunitSuite[] = [];
  const image = `${board.name}-${engine.recipe.name}`;
  for (let boot = 1; boot <= repeat; boot++) {
    const began = context.now();
    const suite = await bootAndTest(context, built);
    const name = repeat === 1 ? image : `${image} boot ${boot}`;
    const properties = { project: project.name, board: board.name, engine: engine.recipe.name };
    suites.push({ ...suite, name, group: image, properties, ms: context.now() - began });
    for (const { name, passed, detail } of suite.cases)
      context.emit({ type: "check", name, passed, ...(detail === undefined ? {} : { detail }) });
  }
  if (junit !== undefined) await writeReport(resolve(context.cwd, junit), junitXml(project.name, suites));
  return {
    board: board.name,
    engine: engine.recipe.name,
    checks: suites.flatMap(({ cases }) => cases),
    boots: repeat,
    ms: context.now() - started,
  };
}

/** How often a board is booted anew when the emulator's network hands nothing on, which says nothing of the image. */
const moreBoots = 2;

async function bootAndTest(context: Context, built: Built): Promise<Pick<JunitSuite, "cases" | "output">> {
  const { localPath, project } = built.prepared.request;
  for (let left = moreBoots; ; left--) {
    const suite = await withBoard(context, { built: bootable(built) }, async (board) => {
      const { signal, now } = context;
      const { checks, network } = await runTests({ board, tests: project.tests, localPath, signal, now });
      return { cases: checks, network, output: board.seen().map(({ text }) => text) };
    });
    if (suite.network || left === 0) return suite;
    const message = "The emulated board's network hands nothing on: it is booted again.";
    context.emit({ type: "log", level: "warn", message });
  }
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${file} cannot be written.`, {
      cause,
      hint: "Name another file with --junit, or give yourself rights to its folder.",
    });
  }
}
