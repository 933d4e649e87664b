import type { ConsoleLine } from "./console.js";

/** Lines that are kept for whoever asks later; a board that never stops talking must not fill the memory. */
const kept = 20_000;

/** Collects lines and hands them to any number of readers, each from the first line that is still kept. */
export interface ConsoleLog {
  add(line: ConsoleLine): void;
  /** No more lines will come. */
  close(): void;
  all(): readonly ConsoleLine[];
  read(): AsyncIterable<ConsoleLine>;
  /** The first line, old or new, that fits; undefined when the console was closed or `signal` fired before. */
  find(predicate: (line: ConsoleLine) => boolean, signal: AbortSignal): Promise<ConsoleLine | undefined>;
}

export function consoleLog(): ConsoleLog {
  let lines: ConsoleLine[] = [];
  let closed = false;
  let wake: (() => void)[] = [];
  const notify = (): void => {
    const waiting = wake;
    wake = [];
    for (const resume of waiting) resume();
  };
  const changed = (): Promise<void> => new Promise((resolve) => wake.push(resolve));

  /** The first kept line with at least this index; indices have no gaps. */
  const from = (index: number): ConsoleLine | undefined => lines[Math.max(0, index - (lines[0]?.index ?? 0))];

  async function* read(): AsyncGenerator<ConsoleLine> {
    let next = 0;
    for (;;) {
      const line = from(next);
      if (line !== undefined) {
        next = line.index + 1;
        yield line;
      } else if (closed) return;
      else await changed();
    }
  }

  return {
    add(line) {
      lines.push(line);
      if (lines.length > kept * 2) lines = lines.slice(-kept);
      notify();
    },
    close() {
      closed = true;
      notify();
    },
    all: () => lines,
    read,
    async find(predicate, signal) {
      signal.addEventListener("abort", notify, { once: true });
      let next = 0;
      try {
        for (;;) {
          for (let line = from(next); line !== undefined; line = from(next)) {
            next = line.index + 1;
            if (predicate(line)) return line;
          }
          if (closed || signal.aborted) return undefined;
          await changed();
        }
      } finally {
        signal.removeEventListener("abort", notify);
      }
    },
  };
}
