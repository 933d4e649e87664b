import type { Fetcher } from "../../src/fetch/types.js";
import type { BuildEvent } from "../../src/ground/events.js";
import type { Plan, Step } from "../../src/plan/step.js";
import type { StepServices } from "../../src/steps/kind.js";
import { openStore } from "../../src/store/store.js";

export interface TestServices extends StepServices {
  /** Everything that was emitted, in order. */
  readonly events: BuildEvent[];
  readonly controller: AbortController;
}

const noFetcher: Fetcher = {
  fetchBlob: () => Promise.reject(new Error("this test has no network")),
  pin: () => Promise.reject(new Error("this test has no network")),
};

/** What steps run with, on a store below `cache`. The clock counts calls. */
export async function testServices(
  cache: string,
  overrides: Partial<Pick<StepServices, "fetcher" | "jobs">> = {},
): Promise<TestServices> {
  const events: BuildEvent[] = [];
  const controller = new AbortController();
  let calls = 0;
  return {
    store: await openStore(cache),
    fetcher: noFetcher,
    jobs: 2,
    signal: controller.signal,
    emit: (event) => events.push(event),
    now: () => calls++,
    events,
    controller,
    ...overrides,
  };
}

/** A plan of steps given without what only people read. Steps must come after their inputs. */
export function testPlan(steps: readonly (Pick<Step, "id" | "kind" | "params"> & Partial<Step>)[]): Plan {
  return {
    format: 1,
    steps: steps.map((step) => ({ title: step.id, why: "a test", inputs: {}, ...step })),
    targets: {},
  };
}

/** Ids of the steps that really ran, in the order of their starts. */
export function started(events: readonly BuildEvent[]): string[] {
  return events.flatMap((event) => (event.type === "step-start" ? [event.step] : []));
}
