import type { BuildEvent } from "../../ground/events.js";
import { paint } from "./paint.js";
import type { Renderer, RenderOptions } from "./renderer.js";
import { durationText, printable, progressText } from "./words.js";

/** A step that takes longer than this says how far it is, in this rhythm. */
const progressEveryMs = 10_000;

/** Plain lines, one for each thing that happened: for CI logs and pipes. */
export function plainRenderer(options: RenderOptions): Renderer {
  const style = paint(options.color);
  const spoken = new Map<string, number>();
  const titles = new Map<string, string>();
  let total = 0;
  // By id: a step whose result was known but lost is told of twice.
  const done = new Set<string>();
  let cached = 0;
  const line = (text: string) => options.write(`${text}\n`);
  const count = () => style.dim(`[${String(done.size).padStart(String(total).length)}/${total}]`);

  let told = false;
  /** Once, and before what a board says: it is about the build. */
  const tellCached = () => {
    if (!told && cached > 0 && options.level === "normal")
      line(style.dim(`${cached} of ${done.size} steps from cache`));
    told = true;
  };

  const normal = (event: BuildEvent): void => {
    if (event.type === "console") tellCached();
    switch (event.type) {
      case "plan":
        total += event.steps;
        break;
      case "step-start":
        titles.set(event.step, event.title);
        spoken.set(event.step, options.now());
        break;
      case "step-progress": {
        const now = options.now();
        if (now - (spoken.get(event.step) ?? now) < progressEveryMs) return;
        spoken.set(event.step, now);
        const left = event.msLeft === undefined ? "" : `, ${durationText(event.msLeft)} left`;
        line(`${count()} ${titles.get(event.step) ?? event.step}: ${progressText(event)}${left}`);
        break;
      }
      case "step-end":
        done.add(event.step);
        if (event.cached) cached++;
        if (event.cached && options.level !== "verbose") return;
        line(`${count()} ${event.title} ${style.dim(event.cached ? "from cache" : durationText(event.ms))}`);
        if (options.level === "verbose") line(style.dim(`        ${event.digest}`));
        break;
      case "step-failed":
        line(`${style.red("failed:")} ${event.title}`);
        break;
      case "step-kept":
        line(`work folder of ${event.title}: ${event.path}`);
        break;
      case "milestone":
        if (options.level === "verbose") line(style.dim(`${event.name} ${printable(JSON.stringify(event.fields))}`));
        break;
      case "check":
        line(
          `${event.passed ? style.green("pass") : style.red("FAIL")}  ${printable(event.name)}${event.detail === undefined ? "" : `: ${printable(event.detail)}`}`,
        );
        break;
      case "console":
        line(printable(event.line));
        break;
      case "log":
      case "artifact":
        break;
    }
  };

  return {
    emit: (event) => {
      if (event.type === "log") {
        const shown =
          event.level === "warn" ||
          (event.level === "info" && options.level !== "quiet") ||
          options.level === "verbose";
        if (shown)
          line(
            event.level === "warn"
              ? `${style.yellow("warning:")} ${printable(event.message)}`
              : printable(event.message),
          );
        return;
      }
      if (options.level === "quiet" && !(event.type === "check" && !event.passed) && event.type !== "console") return;
      normal(event);
    },
    finish: async () => {
      tellCached();
    },
  };
}
