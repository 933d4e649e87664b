import type { BuildEvent } from "../../ground/events.js";
import { durationText, progressText } from "./words.js";

interface RunningStep {
  readonly step: string;
  readonly title: string;
  readonly startedAt: number;
  progress: Extract<BuildEvent, { type: "step-progress" }> | undefined;
}

/** What a live list shows, kept up to date by events; pure but for the clock that is passed in. */
export interface ProgressBoard {
  /** A line for what has just ended, when it is worth one. */
  readonly take: (event: BuildEvent, now: number) => string | undefined;
  readonly header: (now: number) => string;
  /** One line a running step, the longest-running first. */
  readonly running: (now: number) => readonly string[];
}

/** Quicker steps leave no line behind. */
const worthALineMs = 1000;

export function progressBoard(startedAt: number): ProgressBoard {
  const steps = new Map<string, RunningStep>();
  let total = 0;
  let ended = 0;
  let cached = 0;

  return {
    take: (event, now) => {
      switch (event.type) {
        case "plan":
          total += event.steps;
          return undefined;
        case "step-start":
          steps.set(event.step, { step: event.step, title: event.title, startedAt: now, progress: undefined });
          return undefined;
        case "step-progress": {
          const running = steps.get(event.step);
          if (running !== undefined) running.progress = event;
          return undefined;
        }
        case "step-end":
          steps.delete(event.step);
          ended++;
          if (event.cached) cached++;
          return event.cached || event.ms < worthALineMs ? undefined : `${event.title}  ${durationText(event.ms)}`;
        case "step-kept":
          return `work folder of ${event.title}: ${event.path}`;
        case "step-failed":
          steps.delete(event.step);
          return `failed: ${event.title}`;
        default:
          return undefined;
      }
    },
    header: (now) => {
      const parts = [`${ended} of ${total} steps`];
      if (cached > 0) parts.push(`${cached} from cache`);
      parts.push(durationText(now - startedAt));
      const left = Math.max(0, ...[...steps.values()].map((step) => timeLeft(step, now) ?? 0));
      if (left > 0) parts.push(`at least ${durationText(left)} left`);
      return parts.join(", ");
    },
    running: (now) =>
      [...steps.values()]
        .sort((a, b) => a.startedAt - b.startedAt)
        .map((step) => {
          const parts = [step.title];
          if (step.progress !== undefined) parts.push(progressText(step.progress));
          const left = timeLeft(step, now);
          if (left !== undefined) parts.push(`${durationText(left)} left`);
          return parts.join("  ");
        }),
  };
}

/** From the speed so far; unknown in the first two seconds, when it would only jump. */
function timeLeft(step: RunningStep, now: number): number | undefined {
  const spent = now - step.startedAt;
  const { progress } = step;
  if (progress?.msLeft !== undefined) return progress.msLeft;
  if (progress?.total === undefined || progress.done <= 0 || spent < 2000) return undefined;
  return (spent / progress.done) * Math.max(0, progress.total - progress.done);
}
