import type { Renderer } from "./renderer.js";

/** One event a line. Lines are cut nowhere and hold no raw control characters. */
export function jsonRenderer(write: (text: string) => void): Renderer {
  return { emit: (event) => write(`${JSON.stringify(event)}\n`), finish: async () => {} };
}
