import type * as z from "zod";
import type { Place } from "../errors/edgeimg-error.js";
import type { Fetcher } from "../fetch/types.js";
import type { Emit } from "../ground/events.js";
import type { Store } from "../store/store.js";

/** What every step runs with. Nothing of it may change the result. */
export interface StepServices {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly jobs: number;
  /** Keeps the work folders of resumable kinds, which run tools, and tells where they are. */
  readonly keepWork?: boolean;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Where the project's file has a key, for errors about it; absent where there is no project. */
  readonly placeOf?: (key: readonly (string | number)[]) => Place;
  now(): number;
}

export interface StepContext {
  readonly services: StepServices;
  /** Folders of the input trees, by name. Never to be written. */
  readonly inputs: Readonly<Record<string, string>>;
  /** An empty folder: what is in it afterwards is the result. */
  readonly out: string;
  /** Room to work. A resumable kind finds it as it left it when it was stopped. */
  readonly work: string;
  /** What the step says a user may choose in place of what it makes. */
  readonly instead: readonly string[];
  progress(done: number, total: number | undefined, unit: "bytes" | "files" | "objects"): void;
  log(level: "debug" | "info" | "warn", message: string): void;
}

interface KindSpec<P> {
  readonly name: string;
  /** Raised whenever the same inputs may give another result. */
  readonly version: number;
  readonly params: z.ZodType<P>;
  /** The part of the parameters that decides the result; all of them when absent. */
  readonly key?: (params: P) => unknown;
  /** Its work folder is kept when it is stopped, and continued. */
  readonly resumable?: boolean;
  /** Runs each time: it reads what lies outside the store. */
  readonly volatile?: boolean;
  /** Waits for the network, not for a core: does not take a job's place. */
  readonly waits?: boolean;
  /** Its result may differ from machine to machine: one that was lost may be made anew as another. What is made of it must not show it. */
  readonly varies?: boolean;
  readonly run: (params: P, context: StepContext) => Promise<void>;
}

/** A kind of step, its parameters' type hidden behind `bind`, which checks them. */
export interface StepKind
  extends Pick<KindSpec<unknown>, "name" | "version" | "resumable" | "volatile" | "waits" | "varies"> {
  bind(params: unknown): { readonly key: unknown; run(context: StepContext): Promise<void> };
}

export function defineKind<P>(spec: KindSpec<P>): StepKind {
  return {
    ...spec,
    bind(raw) {
      const params = spec.params.parse(raw);
      return { key: spec.key === undefined ? params : spec.key(params), run: (context) => spec.run(params, context) };
    },
  };
}
