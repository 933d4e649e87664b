import { readdirSync, readFileSync } from "node:fs";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A killed edgeimg leaves the tools that it started running, and they would go on writing into the work folder. Whoever
 * continues the work ends them first: every process whose HOME is in the work folder, as it is for the tools of a step, and the
 * process group that was noted, for those that dropped their environment. The start time tells a group's leader from
 * another process that got the same number (proc(5), stat field 22).
 */
export async function rememberGroup(work: string, pid: number): Promise<void> {
  const start = readProcess(pid)?.start;
  if (start !== undefined) await writeFile(join(work, "group"), `${pid} ${start}\n`);
}

/** Looks, one every 5 ms, before a process that does not end is taken for stuck in the kernel. */
const patience = 2000;

/** Returns when none of them runs any more. */
export async function killLeftovers(work: string): Promise<void> {
  const isThere = await access(work).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  const file = join(work, "group");
  const [group, start] = (await readFile(file, "utf8").catch(() => "")).trim().split(" ").map(Number);
  const isOurs = (one: RunningProcess) =>
    isWithin(one.home, work) ||
    (group !== undefined && start !== undefined && one.group === group && one.start >= start);
  // A process may have started another before it was killed: until a look finds none.
  for (let looks = 0; ; looks++) {
    const found = runningProcesses().filter(isOurs);
    if (found.length === 0) break;
    if (looks === patience) throw new Error(`process ${found[0]?.pid} of an earlier run cannot be ended`);
    for (const { pid } of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
    await sleep(5);
  }
  await rm(file, { force: true });
}

interface RunningProcess {
  readonly pid: number;
  readonly group: number;
  /** Clock ticks since the machine started. */
  readonly start: number;
  /** HOME in its environment, when that may be read. */
  readonly home: string | undefined;
}

function runningProcesses(): RunningProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    const found = /^\d+$/.test(name) && name !== String(process.pid) ? readProcess(Number(name)) : undefined;
    return found === undefined ? [] : [found];
  });
}

/** Undefined when it has ended, be it that nobody has asked for its exit code yet. */
function readProcess(pid: number): RunningProcess | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name, in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return { pid, group: Number(fields[2]), start: Number(fields[19]), home: homeOf(pid) };
  } catch {
    return undefined;
  }
}

function homeOf(pid: number): string | undefined {
  try {
    return /(?:^|\0)HOME=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function isWithin(folder: string | undefined, work: string): boolean {
  return folder !== undefined && (folder === work || folder.startsWith(`${work}/`));
}
