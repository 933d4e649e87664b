import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { parseMessage } from "../../builders/buildroot/messages.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { runProcess } from "../../process/run-process.js";
import type { Context } from "../types.js";
import { toolEnv } from "./run-tool.js";

/** Lines of the log that an error shows. */
const shownLines = 20;

/** Runs make, telling each step of each package, and keeps all that it prints. */
export async function runMake(
  context: Context,
  job: { readonly args: readonly string[]; readonly cwd: string; readonly log: string },
): Promise<void> {
  await mkdir(job.cwd, { recursive: true });
  const log = createWriteStream(job.log, { flags: "a" });
  let current: { step: string; title: string; began: number } | undefined;
  const end = () => {
    if (current === undefined) return;
    const { step, title, began } = current;
    context.emit({ type: "step-end", step, title, cached: false, ms: context.now() - began, digest: "" });
    current = undefined;
  };
  const onLine = (line: string) => {
    log.write(`${line}\n`);
    const message = parseMessage(line);
    if (message === undefined) return;
    end();
    const title = `${message.package}${message.version === "" ? "" : ` ${message.version}`}: ${message.what}`;
    current = { step: `buildroot/${title}`, title, began: context.now() };
    context.emit({ type: "plan", steps: 1 });
    context.emit({ type: "step-start", step: current.step, title });
  };
  const ran = await runProcess({
    program: "make",
    args: job.args,
    cwd: job.cwd,
    env: toolEnv(context.env),
    // It removes what is half done.
    graceMs: 5000,
    signal: context.signal,
    onLine,
  }).finally(async () => {
    log.end();
    await finished(log);
  });
  if (!ran.failed) return end();
  if (current !== undefined) {
    context.emit({
      type: "step-failed",
      step: current.step,
      title: current.title,
      message: "make ended with an error",
    });
  }
  const last = (await readFile(job.log, "utf8")).trimEnd().split("\n").slice(-shownLines);
  throw new EdgeimgError(
    "ERR_EDGEIMG_BUILDROOT_BUILD",
    `Buildroot stopped${current === undefined ? "" : ` at ${current.title}`}.`,
    {
      details: [...last, `whole log: ${job.log}`],
      hint: "Cure what the last lines say, and run the same command again: it continues there.",
    },
  );
}
