import type { BuildEvent } from "../../ground/events.js";
import { errorText } from "./error.js";
import { type Paint, paint } from "./paint.js";
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
  const { level } = options;
  const style = paint(options.color);
  const steps = stepTeller(options, style);
  const line = (text: string) => options.write(`${text}\n`);

  let told = false;
  /** Once, and before what a board or an app says: it is about the build. */
  const tellCached = () => {
    const text = steps.cachedText();
    if (!told && text !== undefined && level === "normal") line(style.dim(text));
    told = true;
  };

  return {
    emit: (event) => {
      if (event.type === "log") {
        if (isHeard(event.level, level)) line(logText(event, style));
        return;
      }
      if (level === "quiet" && !shownAlways.has(event.type) && !(event.type === "check" && !event.passed)) return;
      if (event.type === "console" || event.type === "app-started") tellCached();
      if (event.type === "app-kept")
        options.write(errorText(event.problem, { color: options.color, verbose: level === "verbose" }));
      for (const text of [...steps.take(event), ...otherLines(event, { style, level })]) line(text);
    },
    finish: async () => {
      tellCached();
    },
  };
}

type EventOf<T extends BuildEvent["type"]> = Extract<BuildEvent, { type: T }>;

function isHeard(of: EventOf<"log">["level"], level: RenderOptions["level"]): boolean {
  return of === "warn" || (of === "info" && level !== "quiet") || level === "verbose";
}

function logText({ level, message }: EventOf<"log">, style: Paint): string {
  return level === "warn" ? `${style.yellow("warning:")} ${printable(message)}` : printable(message);
}

/** Counts the steps of a build and gives the lines that tell what becomes of them. */
function stepTeller(options: RenderOptions, style: Paint) {
  const isVerbose = options.level === "verbose";
  const spoken = new Map<string, number>();
  const titles = new Map<string, string>();
  let total = 0;
  // By id: a step whose result was known but lost is told of twice.
  const done = new Set<string>();
  let cached = 0;
  /** While an app runs, its own lines count: of the builds behind it only what takes long. */
  let serving = false;
  const count = () => style.dim(`[${String(done.size).padStart(String(total).length)}/${total}]`);
  const progress = (event: EventOf<"step-progress">): readonly string[] => {
    const now = options.now();
    if (now - (spoken.get(event.step) ?? now) < progressEveryMs) return [];
    spoken.set(event.step, now);
    const left = event.msLeft === undefined ? "" : `, ${durationText(event.msLeft)} left`;
    const place = serving ? "" : `${count()} `;
    return [`${place}${titles.get(event.step) ?? event.step}: ${progressText(event)}${left}`];
  };
  const ended = (event: EventOf<"step-end">): readonly string[] => {
    done.add(event.step);
    if (event.cached) cached++;
    if (event.cached && !isVerbose) return [];
    const time = style.dim(event.cached ? "from cache" : durationText(event.ms));
    return [`${count()} ${event.title} ${time}`, ...(isVerbose ? [style.dim(`        ${event.digest}`)] : [])];
  };
  const take = (event: BuildEvent): readonly string[] => {
    if (event.type === "plan") total += event.steps;
    if (event.type === "app-started") serving = true;
    if (event.type === "step-start") {
      titles.set(event.step, event.title);
      spoken.set(event.step, options.now());
    }
    if (event.type === "step-progress") return progress(event);
    if (serving && !isVerbose) return [];
    if (event.type === "step-end") return ended(event);
    return event.type === "step-failed" ? [`${style.red("failed:")} ${event.title}`] : [];
  };
  return { take, cachedText: () => (cached > 0 ? `${cached} of ${done.size} steps from cache` : undefined) };
}

/** What is told of all that is no step's way: boards, apps, checks. */
function otherLines(
  event: BuildEvent,
  { style, level }: { readonly style: Paint; readonly level: RenderOptions["level"] },
): readonly string[] {
  switch (event.type) {
    case "step-kept":
      return [`work folder of ${event.title}: ${event.path}`];
    case "milestone":
      return level === "verbose" ? [style.dim(`${event.name} ${printable(JSON.stringify(event.fields))}`)] : [];
    case "check": {
      const detail = event.detail === undefined ? "" : `: ${printable(event.detail)}`;
      return [`${event.passed ? style.green("pass") : style.red("FAIL")}  ${printable(event.name)}${detail}`];
    }
    case "console":
      return [printable(event.line)];
    case "app-started": {
      const { changed, ms, url } = event;
      return changed.length === 0
        ? [`the app's HTTP port is at ${url} once it serves; Ctrl-C ends the app`]
        : [style.green(`${changedText(changed)}: built in ${durationText(ms)}, the app starts anew`)];
    }
    case "app-kept": {
      const then = event.isRunning ? "the app goes on as it was until this builds" : "the app starts when this builds";
      return [`${changedText(event.changed)}: ${then}`];
    }
    case "app-ended":
      return [`${style.yellow("the app ended")} (${event.reason}); it starts again when a file changes`];
    default:
      return [];
  }
}
