/** The size that a picture is brought to, and the part of it that the model sees. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

/** The shorter side becomes `short` pixels, and a square of `side` pixels is taken from the middle, as the model was trained. */
export function middle(picture: { width: number; height: number }, options: { short: number; side: number }): View {
  const { short, side } = options;
  const scale = short / Math.min(picture.width, picture.height);
  const width = Math.round(picture.width * scale);
  const height = Math.round(picture.height * scale);
  return { width, height, x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2) };
}
