import { readdirSync, readFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A killed edgeimg leaves the tools that it started running, and they would go on writing into the work folder. Each process
 * group is therefore remembered there, and ended by whoever continues the work. The start time tells a group's leader from
 * another process that got the same number (proc(5), stat field 22).
 */
export async function rememberGroup(work: string, pid: number): Promise<void> {
  const start = startTime(pid);
  if (start !== undefined) await writeFile(join(work, "group"), `${pid} ${start}\n`);
}

export async function killLeftovers(work: string): Promise<void> {
  const file = join(work, "group");
  const text = await readFile(file, "utf8").catch(() => "");
  const [pid, start] = text.trim().split(" ");
  if (pid !== undefined && start !== undefined && /^\d+$/.test(pid)) {
    for (const member of groupMembers(Number(pid), start)) {
      try {
        process.kill(member, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
  }
  await rm(file, { force: true });
}

/** Processes of the group that started no earlier than its leader did. */
function groupMembers(group: number, leaderStart: string): number[] {
  const members: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(Number(name));
    if (fields !== undefined && Number(fields[2]) === group && Number(fields[19]) >= Number(leaderStart))
      members.push(Number(name));
  }
  return members;
}

function startTime(pid: number): string | undefined {
  return statFields(pid)?.[19];
}

/** The fields of /proc/PID/stat after the command's name, which may hold anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
