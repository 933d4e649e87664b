import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { execa } from "execa";

/**
 * Plays another machine by a mount namespace: its clock is ahead for every dynamically linked program, compilers included, and a
 * folder lies on a disk of limited size. Needs root.
 */
export interface OtherMachine {
  /** Put before a command, which then runs there as the user. */
  readonly enter: readonly string[];
  /** Where its files are seen from here. */
  seen(path: string): string;
  resizeDisk(size: string): Promise<void>;
  stop(): void;
}

interface OtherMachineOptions {
  readonly disk: string;
  /** As mount takes it: `500m`. */
  readonly diskSize: string;
  /** As libfaketime takes it: `+2d`. */
  readonly clock: string;
  /** Number of the user, and of its group. */
  readonly user: number;
}

const script = `
set -e
mount -t tmpfs -o "size=$2,mode=777" tmpfs "$1"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc
echo "$3" > /mnt/etc/ld.so.preload
echo "$4" > /mnt/etc/faketimerc
mount --bind /mnt/etc /etc
echo ready
exec sleep infinity
`;

/** The machine, or why it cannot be played here. */
export async function otherMachine({
  disk,
  diskSize,
  clock,
  user,
}: OtherMachineOptions): Promise<OtherMachine | string> {
  if (process.getuid?.() !== 0) return "mounts need root";
  const listed = await execa("dpkg", ["-L", "libfaketime"], { reject: false });
  const library = /^\/.*\/libfaketimeMT\.so\.1$/m.exec(listed.stdout ?? "")?.[0];
  if (library === undefined) return "the package libfaketime is not installed";
  const holder = spawn("unshare", ["-m", "sh", "-c", script, "sh", disk, diskSize, library, clock], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  holder.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const lines = createInterface({ input: holder.stdout });
  const ready = await Promise.race([once(lines, "line").then(() => true), once(holder, "close").then(() => false)]);
  if (!ready) return complaint.trim();
  const enter = ["/usr/bin/nsenter", `--target=${holder.pid}`, "--mount"];
  return {
    // A process may not change its user once libfaketime is in it.
    enter: [...enter, `--setgid=${user}`, `--setuid=${user}`, "--"],
    seen: (path) => `/proc/${holder.pid}/root${path}`,
    async resizeDisk(size) {
      const [first = "", ...rest] = [...enter, "--", "mount", "-o", `remount,size=${size}`, disk];
      await execa(first, rest);
    },
    stop: () => holder.kill("SIGKILL"),
  };
}
