/**
 * What the core tells while it works. The core never prints: renderers in `src/cli/render` show these.
 * `ms` is measured by the caller's clock; sizes are bytes.
 */
export type BuildEvent =
  | { readonly type: "plan"; readonly steps: number }
  | { readonly type: "step-start"; readonly step: string; readonly title: string }
  | {
      readonly type: "step-progress";
      readonly step: string;
      readonly done: number;
      readonly total: number | undefined;
      readonly unit: "bytes" | "files" | "objects";
      /** Speed of late, and what is left at that speed, where the step measures it. */
      readonly bytesPerSecond?: number;
      readonly msLeft?: number;
    }
  | {
      readonly type: "step-end";
      readonly step: string;
      readonly title: string;
      readonly cached: boolean;
      readonly ms: number;
      readonly digest: string;
    }
  /** The folder that a step worked in was kept, as asked. */
  | { readonly type: "step-kept"; readonly step: string; readonly title: string; readonly path: string }
  | { readonly type: "step-failed"; readonly step: string; readonly title: string; readonly message: string }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn";
      readonly step?: string;
      readonly message: string;
    }
  | {
      readonly type: "artifact";
      readonly path: string;
      readonly bytes: number;
      readonly sha256: string;
      readonly role: string;
    }
  | { readonly type: "console"; readonly line: string }
  | { readonly type: "milestone"; readonly name: string; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly type: "check"; readonly name: string; readonly passed: boolean; readonly detail?: string }
  /** The app was started on this machine: the files that changed before, and how long it took from then; none for the first start. */
  | { readonly type: "app-started"; readonly url: string; readonly changed: readonly string[]; readonly ms: number }
  /** A build after a change failed: the app, if it still runs, stays as it is. */
  | {
      readonly type: "app-kept";
      readonly changed: readonly string[];
      readonly isRunning: boolean;
      readonly problem: Problem;
    }
  /** The app ended by itself. */
  | { readonly type: "app-ended"; readonly reason: string };

/** An error that ends nothing. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly place?: { readonly file: string; readonly line?: number; readonly column?: number };
  readonly details?: readonly string[];
  readonly hint?: string;
}

export type Emit = (event: BuildEvent) => void;
