import { Listr, type ListrTaskWrapper } from "listr2";
import type { BuildEvent } from "../../ground/events.js";
import { plainRenderer } from "./plain.js";
import { type ProgressBoard, progressBoard } from "./progress-board.js";
import type { Renderer, RenderOptions } from "./renderer.js";

/** Running steps shown at a time; more are only counted. */
const slots = 8;
/** Finished steps that stay below the header. */
const finishedShown = 6;
const refreshMs = 200;

type Row = Pick<ListrTaskWrapper<unknown, never, never>, "title">;

/**
 * A live task list: a header with counts and time, the last finished steps, and a line for each running step.
 * The list starts with the first step, so that commands without steps print nothing of it.
 */
export function ttyRenderer(options: RenderOptions): Renderer {
  const board = progressBoard(options.now());
  const plain = plainRenderer(options);
  let live: LiveList | undefined;
  let failed = false;
  /** An app runs on this machine: its lines are shown as they come, and no list. */
  let serving = false;

  // The list owns the terminal until it has ended; what a booted board says waits for that.
  const waiting: BuildEvent[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    const ending = live;
    if (ending === undefined) return closing ?? Promise.resolve();
    live = undefined;
    closing = ending.stop(failed).then(() => {
      closing = undefined;
      for (const event of waiting.splice(0)) plain.emit(event);
    });
    return closing;
  };

  return {
    emit: (event) => {
      if (event.type === "app-started") serving = true;
      if (serving && closing === undefined && live === undefined) return plain.emit(event);
      const line = board.take(event, options.now());
      if (event.type === "step-failed") failed = true;
      if (event.type === "plan" || event.type.startsWith("step-")) {
        if (closing === undefined && event.type !== "plan") live ??= startList(board, options.now);
        if (line !== undefined) live?.finished(line);
        return;
      }
      if (event.type === "log" || event.type === "artifact") return plain.emit(event);
      void close();
      if (closing === undefined) plain.emit(event);
      else waiting.push(event);
    },
    finish: close,
  };
}

interface LiveList {
  /** Shows a finished step below the header. */
  finished(line: string): void;
  /** Shows how all ended, and gives the terminal back. */
  stop(failed: boolean): Promise<void>;
}

/** Shows the board's header and running steps until it is stopped. */
function startList(board: ProgressBoard, now: () => number): LiveList {
  const rows: Row[] = [];
  const finished: string[] = [];
  let end: (failed: boolean) => void = () => {};
  const ended = new Promise<boolean>((resolve) => {
    end = resolve;
  });
  const list = taskList(rows, { ended, header: () => board.header(now()), last: () => finished.slice(-1) });
  const refresh = () => showBoard(rows, { board, finished, now: now() });
  const timer = setInterval(refresh, refreshMs);
  const done = list.run();
  return {
    finished: (line) => {
      finished.push(line);
      if (finished.length > finishedShown) finished.shift();
    },
    stop: async (failed) => {
      refresh();
      clearInterval(timer);
      end(failed);
      await done.catch(() => {});
    },
  };
}

/** listr2's list of a header and empty lines, which live until `ended`; `rows` gets each of them as it starts, the header first. */
function taskList(
  rows: Row[],
  job: { readonly ended: Promise<boolean>; readonly header: () => string; readonly last: () => readonly string[] },
): Listr<unknown> {
  const header = {
    title: " ",
    task: async (_: unknown, task: Row) => {
      rows[0] = task;
      if (await job.ended) throw new Error([job.header(), ...job.last()].join(", "));
      task.title = job.header();
    },
  };
  const lines = Array.from({ length: slots }, (_, index) => ({
    title: "",
    task: async (_: unknown, task: Row) => {
      rows[index + 1] = task;
      await job.ended;
      task.title = "";
    },
  }));
  return new Listr<unknown>([header, ...lines], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { collapseSubtasks: false },
  });
}

/** Writes what happens now into the lines that have started. */
function showBoard(
  [header, ...rows]: readonly (Row | undefined)[],
  {
    board,
    finished,
    now,
  }: { readonly board: ProgressBoard; readonly finished: readonly string[]; readonly now: number },
): void {
  // In the title rather than the task's output: that is lost until listr2 has loaded its renderer.
  if (header !== undefined) header.title = [board.header(now), ...finished.map((line) => `› ${line}`)].join("\n");
  const running = board.running(now);
  const more = running.length - slots;
  for (const [index, row] of rows.entries()) {
    if (row === undefined) continue;
    row.title = index === slots - 1 && more > 0 ? `and ${more + 1} more` : (running[index] ?? "");
  }
}
