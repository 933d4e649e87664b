import { spawn } from "node:child_process";
import { Socket } from "node:net";

/** Ends another process when this one ends, in whatever way. */
export interface Watcher {
  /** To be called once, at once after the process was started. */
  readonly watch: (pid: number) => void;
  /** The process has ended by itself: its number may soon be another's. */
  readonly release: () => void;
}

/**
 * The first line names the process; a second one says that it has ended. An end of the pipe without that means that we are gone: the kernel
 * closes our end of it, also after a kill -9, when nothing of ours can run any more.
 */
const script = 'read -r pid && { read -r ended || kill -KILL "$pid"; }';

/** Starts a shell beside this process that waits for its end. Where there is no shell nothing is watched. */
export function startWatcher(): Watcher {
  // In a session of its own: Ctrl-C on the terminal and a kill of our process group must not end it before its work.
  const shell = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true, env: {} });
  const { stdin } = shell;
  shell.on("error", () => {});
  stdin.on("error", () => {});
  shell.unref();
  if (stdin instanceof Socket) stdin.unref();
  return {
    watch: (pid) => void stdin.write(`${pid}\n`),
    release: () => void stdin.end("ended\n"),
  };
}
