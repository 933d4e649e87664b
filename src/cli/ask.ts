import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Terminal } from "./terminal.js";

/** Whether somebody sits there who can answer. */
export function canAsk({ interactive, stdin }: Terminal): boolean {
  return interactive && "isTTY" in stdin && stdin.isTTY === true;
}

/**
 * Asks one question and gives the line that was typed, without spaces around it; "" at the end of the input.
 * @param hidden nothing that is typed is shown, as for passwords, and spaces count
 */
export async function ask(terminal: Terminal, question: string, hidden = false): Promise<string> {
  terminal.stdout(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: terminal.stdin, terminal: hidden, ...(hidden ? { output: nowhere } : {}) });
  // A terminal that shows nothing gives Ctrl-C as a key, too.
  lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    const closed = new Promise<string>((resolve) => {
      lines.once("close", () => resolve(""));
    });
    const line = await Promise.race([lines.question("", { signal: terminal.signal }), closed]);
    if (hidden) terminal.stdout("\n");
    return hidden ? line : line.trim();
  } finally {
    lines.close();
  }
}
