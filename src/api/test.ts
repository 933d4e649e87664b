import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type JunitSuite, junitXml } from "../report/junit.js";
import { buildPrepared } from "./build.js";
import { withBoard } from "./run.js";
import { runTests } from "./run-tests.js";
import type { Context, TestOptions, TestReport } from "./types.js";

/**
 * Builds what is missing, boots the very image, as often as asked, and compares its console lines and HTTP answers with the project's
 * `tests`.
 */
export async function testImage(context: Context, options: TestOptions): Promise<TestReport> {
  const started = context.now();
  const { junit, repeat = 1 } = options;
  const built = await buildPrepared(context, options);
  const { board, engine, localPath, project } = built.prepared.request;
  const suites: JunitSuite[] = [];
  const image = `${board.name}-${engine.recipe.name}`;
  for (let boot = 1; boot <= repeat; boot++) {
    const began = context.now();
    const suite = await withNetwork(context, () =>
      withBoard(context, { built }, async (running) => {
        const cases = await runTests({
          board: running,
          tests: project.tests,
          localPath,
          signal: context.signal,
          now: context.now,
        });
        return { cases, output: running.seen().map(({ text }) => text) };
      }),
    );
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

/** How often a board without a network is booted anew. */
const moreBoots = 2;

/** Boots again when the emulator's network hands nothing on, which says nothing of the image. */
async function withNetwork<T>(context: Context, boot: () => Promise<T>): Promise<T> {
  for (let left = moreBoots; ; left--) {
    try {
      return await boot();
    } catch (error) {
      if (!(error instanceof EdgeimgError) || error.code !== "ERR_EDGEIMG_DEVICE_NETWORK" || left === 0) throw error;
      context.emit({ type: "log", level: "warn", message: `${error.message} It is booted again.` });
    }
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
