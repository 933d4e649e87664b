import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { GlobalFonts } from "@napi-rs/canvas";

/** Fonts come from npm packages alone, so the pictures do not depend on what the machine has installed. */
const files = {
  roboto: "@fontsource/roboto/files/roboto-latin-500-normal.woff2",
  lora: "@fontsource/lora/files/lora-latin-700-normal.woff2",
  mono: "@fontsource/roboto-mono/files/roboto-mono-latin-600-normal.woff2",
  oswald: "@fontsource/oswald/files/oswald-latin-500-normal.woff2",
  openSans: "@fontsource/open-sans/files/open-sans-latin-700-normal.woff2",
  openSansItalic: "@fontsource/open-sans/files/open-sans-latin-600-italic.woff2",
} as const;

export type FontName = keyof typeof files;

let registered = false;

/** Makes the fonts known to the canvas under the names of `FontName`. */
export function registerFonts(): void {
  if (registered) return;
  const { resolve } = createRequire(import.meta.url);
  for (const [name, file] of Object.entries(files)) {
    if (GlobalFonts.register(readFileSync(resolve(file)), name) === null) throw new Error(`no font in ${file}`);
  }
  registered = true;
}
