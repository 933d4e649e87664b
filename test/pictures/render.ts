import { type CanvasRenderingContext2D, createCanvas } from "@napi-rs/canvas";
import { paintBackground } from "./backgrounds.js";
import { registerFonts } from "./fonts.js";
import { type PictureSpec, specs } from "./specs.js";

/** A picture that a test shows to the app. */
export interface Picture {
  /** File name without its extension. */
  readonly name: string;
  /** What a person reads in it, lines parted by line feeds. */
  readonly text: string;
  /** Encoded bytes, the same at every call; PNG or JPEG, as `type` tells. */
  render(): Promise<Uint8Array>;
  readonly type: "image/png" | "image/jpeg";
}

export const pictures: readonly Picture[] = specs.map((spec) => ({
  name: spec.name,
  text: spec.lines.map((line) => line.text).join("\n"),
  type: spec.type ?? "image/png",
  render: () => renderPicture(spec),
}));

async function renderPicture(spec: PictureSpec): Promise<Uint8Array> {
  registerFonts();
  const canvas = createCanvas(spec.width, spec.height);
  const context = canvas.getContext("2d");
  if (spec.upsideDown === true) {
    context.translate(spec.width, spec.height);
    context.rotate(Math.PI);
  }
  paintBackground(context, { width: spec.width, height: spec.height, background: spec.background });
  paintLines(context, spec);
  return spec.type === "image/jpeg" ? canvas.encode("jpeg", 88) : canvas.encode("png");
}

function paintLines(context: CanvasRenderingContext2D, spec: PictureSpec): void {
  context.textBaseline = "alphabetic";
  for (const line of spec.lines) {
    context.font = `${line.size}px "${line.font}"`;
    context.fillStyle = line.colour;
    context.fillText(line.text, line.x, line.y);
  }
}
