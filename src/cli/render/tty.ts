import { Listr, type ListrTaskWrapper } from "listr2";
import type { BuildEvent } from "../../ground/events.js";
import { plainRenderer } from "./plain.js";
import { progressBoard } from "./progress-board.js";
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
  let live:
    | { readonly stop: (failed: boolean) => Promise<void>; readonly finished: (line: string) => void }
    | undefined;
  let failed = false;
  /** An app runs on this machine: its lines are shown as they come, and no list. */
  let serving = false;

  const start = () => {
    const rows: (Row | undefined)[] = [];
    const finished: string[] = [];
    let header: Row | undefined;
    let end: (failed: boolean) => void = () => {};
    const ended = new Promise<boolean>((resolve) => {
      end = resolve;
    });
    const refresh = () => {
      const now = options.now();
      // In the title rather than the task's output: that is lost until listr2 has loaded its renderer.
      if (header !== undefined) header.title = [board.header(now), ...finished.map((line) => `› ${line}`)].join("\n");
      const running = board.running(now);
      const more = running.length - slots;
      rows.forEach((row, index) => {
        if (row === undefined) return;
        row.title = index === slots - 1 && more > 0 ? `and ${more + 1} more` : (running[index] ?? "");
      });
    };
    const list = new Listr<unknown>(
      [
        {
          title: " ",
          task: async (_, task) => {
            header = task;
            if (await ended) throw new Error([board.header(options.now()), ...finished.slice(-1)].join(", "));
            task.title = board.header(options.now());
          },
        },
        ...Array.from({ length: slots }, (_, index) => ({
          title: "",
          task: async (_: unknown, task: Row) => {
            rows[index] = task;
            await ended;
            task.title = "";
          },
        })),
      ],
      {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        rendererOptions: { collapseSubtasks: false },
      },
    );
    const timer = setInterval(refresh, refreshMs);
    const done = list.run();
    return {
      finished: (line: string) => {
        finished.push(line);
        if (finished.length > finishedShown) finished.shift();
      },
      stop: async (hasFailed: boolean) => {
        refresh();
        clearInterval(timer);
        end(hasFailed);
        await done.catch(() => {});
      },
    };
  };

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
        if (closing === undefined && event.type !== "plan") live ??= start();
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
