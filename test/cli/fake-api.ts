import type { Api } from "../../src/api/types.js";
import { runCommandLine } from "../../src/cli/run-command-line.js";

const refuse = () => Promise.reject(new Error("this test does not expect that call"));

/** An API of which a test gives what it needs. */
export function fakeApi(part: Partial<Api>): Api {
  return {
    buildImage: refuse,
    buildMatrix: refuse,
    listTargets: refuse,
    benchEngines: refuse,
    quantizeModels: refuse,
    buildStep: refuse,
    planStep: refuse,
    listSteps: refuse,
    planImage: refuse,
    updateLock: refuse,
    runImage: refuse,
    runHost: refuse,
    testImage: refuse,
    flashImage: refuse,
    listDrives: refuse,
    listBoards: refuse,
    listEngines: refuse,
    newBoard: refuse,
    newEngine: refuse,
    listExamples: refuse,
    explainPath: refuse,
    diffResults: refuse,
    doctor: refuse,
    cacheInfo: refuse,
    cachePrune: refuse,
    cacheVerify: refuse,
    ciInit: refuse,
    cacheExport: refuse,
    cacheImport: refuse,
    checkBuildroot: refuse,
    writeBuildrootTree: refuse,
    initProject: refuse,
    writeTypes: refuse,
    // After every command that builds.
    tidyCache: async () => undefined,
    ...part,
  };
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line within the test's process. */
export async function runFake(
  words: readonly string[],
  part: Partial<Api>,
  {
    signal = new AbortController().signal,
    env = {},
  }: { readonly signal?: AbortSignal; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await runCommandLine(
    words,
    {
      cwd: "/project",
      env,
      now: () => 0,
      date: Date.now,
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: process.stdin,
      interactive: false,
      color: false,
      signal,
    },
    fakeApi(part),
  );
  return { code, stdout, stderr };
}
