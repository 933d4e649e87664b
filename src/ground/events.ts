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
  | { readonly type: "check"; readonly name: string; readonly passed: boolean; readonly detail?: string };

export type Emit = (event: BuildEvent) => void;
