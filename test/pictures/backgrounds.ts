import type { CanvasRenderingContext2D } from "@napi-rs/canvas";

export type Background =
  | { readonly kind: "plain"; readonly colour: string }
  | { readonly kind: "gradient"; readonly from: string; readonly to: string }
  /** Each pixel `amount` (0 to 255) lighter or darker at most. */
  | { readonly kind: "noise"; readonly colour: string; readonly amount: number; readonly seed: number }
  | { readonly kind: "stripes"; readonly colour: string; readonly stripe: string; readonly pitch: number };

interface Area {
  readonly width: number;
  readonly height: number;
  readonly background: Background;
}

/** Covers the whole canvas. */
export function paintBackground(context: CanvasRenderingContext2D, area: Area): void {
  const { width, height, background } = area;
  if (background.kind === "gradient") {
    const gradient = context.createLinearGradient(0, 0, width, height);
    gradient.addColorStop(0, background.from);
    gradient.addColorStop(1, background.to);
    context.fillStyle = gradient;
  } else {
    context.fillStyle = background.colour;
  }
  context.fillRect(0, 0, width, height);
  if (background.kind === "noise") addNoise(context, { ...area, ...background });
  if (background.kind === "stripes") addStripes(context, { ...area, ...background });
}

function addNoise(
  context: CanvasRenderingContext2D,
  options: { width: number; height: number; amount: number; seed: number },
): void {
  const pixels = context.getImageData(0, 0, options.width, options.height);
  const random = randomNumbers(options.seed);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const change = Math.round((random() * 2 - 1) * options.amount);
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[i + channel] = Math.min(255, Math.max(0, (pixels.data[i + channel] ?? 0) + change));
    }
  }
  context.putImageData(pixels, 0, 0);
}

function addStripes(
  context: CanvasRenderingContext2D,
  options: { width: number; height: number; stripe: string; pitch: number },
): void {
  context.strokeStyle = options.stripe;
  context.lineWidth = options.pitch / 3;
  for (let x = -options.height; x < options.width; x += options.pitch) {
    context.beginPath();
    context.moveTo(x, options.height);
    context.lineTo(x + options.height, 0);
    context.stroke();
  }
}

/** Numbers from 0 to below 1, the same ones for the same seed (a linear congruential generator, Numerical Recipes' constants). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
