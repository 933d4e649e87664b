import type { BuildEvent } from "../../ground/events.js";
import { errorText } from "./error.js";
import { paint } from "./paint.js";
import type { Renderer, RenderOptions } from "./renderer.js";
import { durationText, printable, progressText } from "./words.js";

/** A step that takes longer than this says how far it is, in this rhythm. */
const progressEveryMs = 10_000;

/** What an app says, and what is wrong with it, is what a user runs it for. */
const shownAlways: ReadonlySet<BuildEvent["type"]> = new Set(["console", "app-kept", "app-ended"]);

/** Some files by name, or the first of many. */
function changedText([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? printable(first) : `${printable(first)} and ${others.length} more`;
}

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

  /** While an app runs, its own lines count: of the builds behind it only what takes long. */
  let serving = false;

  const normal = (event: BuildEvent): void => {
    if (event.type === "console" || event.type === "app-started") tellCached();
    if (serving && options.level !== "verbose" && ["step-end", "step-failed"].includes(event.type)) return;
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
        line(`${serving ? "" : `${count()} `}${titles.get(event.step) ?? event.step}: ${progressText(event)}${left}`);
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
      case "app-started":
        line(
          event.changed.length === 0
            ? `the app's HTTP port is at ${event.url} once it serves; Ctrl-C ends the app`
            : style.green(`${changedText(event.changed)}: built in ${durationText(event.ms)}, the app starts anew`),
        );
        serving = true;
        break;
      case "app-kept":
        options.write(errorText(event.problem, { color: options.color, verbose: options.level === "verbose" }));
        line(
          event.isRunning
            ? `${changedText(event.changed)}: the app goes on as it was until this builds`
            : `${changedText(event.changed)}: the app starts when this builds`,
        );
        break;
      case "app-ended":
        line(`${style.yellow("the app ended")} (${event.reason}); it starts again when a file changes`);
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
      if (options.level === "quiet" && !shownAlways.has(event.type) && !(event.type === "check" && !event.passed))
        return;
      normal(event);
    },
    finish: async () => {
      tellCached();
    },
  };
}
