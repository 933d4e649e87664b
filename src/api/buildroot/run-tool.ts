import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { captureProcess, definedVariables } from "../../process/capture-process.js";
import type { Context } from "../types.js";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the host's to its end. Throws ERR_EDGEIMG_BUILDROOT_CHECK when it cannot be started. */
export async function runTool(
  context: Pick<Context, "env" | "signal">,
  job: { readonly command: string; readonly args: readonly string[]; readonly cwd: string },
): Promise<Ran> {
  const ran = await captureProcess({
    program: job.command,
    args: job.args,
    cwd: job.cwd,
    env: toolEnv(context.env),
    signal: context.signal,
  });
  if (ran.exitCode === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_CHECK", `${job.command} could not be run.`, {
      details: [ran.reason],
      hint: "Buildroot needs make, gcc, python3 and what its manual lists as mandatory packages.",
    });
  }
  return { code: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr };
}

/** The user's environment in the language that messages are read in. Make's own variables would change what Buildroot does. */
export function toolEnv(env: Context["env"]): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !/^(MAKE|BR2_|O$|LANG$|LC_)/.test(name));
  return {
    ...definedVariables(Object.fromEntries(kept)),
    LC_ALL: "C",
  };
}
