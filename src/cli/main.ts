#!/usr/bin/env node
import process from "node:process";
import { api } from "../api/index.js";
import { runCommandLine } from "./run-command-line.js";

const controller = new AbortController();

/** The first Ctrl-C asks every step to stop and clean up after itself; the second waits for nobody. */
const interrupt = () => {
  if (controller.signal.aborted) process.exit(130);
  process.stderr.write("\nstopping; Ctrl-C again to stop at once\n");
  controller.abort(new Error("interrupted"));
};
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);
process.on("SIGHUP", interrupt);

// A reader that went away (`edgeimg boards | head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

const words = process.argv.slice(2);
const { env } = process;
const plain =
  words.includes("--no-color") || (env.NO_COLOR !== undefined && env.NO_COLOR !== "") || env.TERM === "dumb";
// listr2 and its helpers look there, not at our flag.
if (plain) env.NO_COLOR = "1";

const code = await runCommandLine(
  words,
  {
    cwd: process.cwd(),
    env,
    now: () => performance.now(),
    date: () => Date.now(),
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    interactive: process.stdout.isTTY === true && env.CI === undefined && env.TERM !== "dumb",
    color: !plain && process.stdout.isTTY === true,
    signal: controller.signal,
  },
  api,
);
// What is written must reach a pipe before the process ends; a console that still reads stdin must not hold it.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
