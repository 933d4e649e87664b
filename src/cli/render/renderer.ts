import type { Emit } from "../../ground/events.js";

export interface Renderer {
  readonly emit: Emit;
  /** Ends what is live. Called once, before the result or the error is printed. */
  readonly finish: () => Promise<void>;
}

export interface RenderOptions {
  readonly write: (text: string) => void;
  readonly now: () => number;
  readonly color: boolean;
  readonly level: "quiet" | "normal" | "verbose";
}
