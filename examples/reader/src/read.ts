import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { detect } from "./detect.js";
import { isUpsideDown } from "./direction.js";
import { type Quad, quadSize, startAt } from "./geometry.js";
import { readingOrder } from "./order.js";
import { cutOut, turn } from "./picture.js";
import { recognize } from "./recognize.js";

export interface Models {
  readonly detect: Model;
  readonly direction: Model;
  readonly recognize: Model;
  /** What each class of the recogniser stands for. */
  readonly classes: readonly string[];
}

export interface Line {
  readonly text: string;
  /** Mean probability of the characters, 0 to 1. */
  readonly score: number;
  /** In pixels of the picture, clockwise from where the text's own top left is. */
  readonly box: readonly (readonly [number, number])[];
}

export interface Reading {
  /** The lines' texts in reading order, joined with line feeds. */
  readonly text: string;
  readonly lines: readonly Line[];
}

/** Less sure lines are mostly things that only look like text; PP-OCR's own setting. */
const minScore = 0.5;

/** Below it a line is read the other way round as well, and the surer reading kept: the direction may be wrong. */
const doubtful = 0.8;

/** Text that is this much taller than wide runs downwards: letters lie on their side. PP-OCR's own setting. */
const verticalRatio = 1.5;

/** Finds and reads the text of a picture. Rejects only when a model cannot run. */
export async function read(models: Models, image: Image): Promise<Reading> {
  const found: { text: string; score: number; box: Quad }[] = [];
  for (const { quad } of await detect(models.detect, image)) {
    const line = await readLine(models, { image, quad });
    if (line.text !== "" && line.score >= minScore) found.push(line);
  }
  const lines = readingOrder(found).map(({ text, score, box }) => ({
    text,
    score: Math.round(score * 1000) / 1000,
    box: box.map(({ x, y }) => [clamp(x, image.width), clamp(y, image.height)] as const),
  }));
  return { text: lines.map((line) => line.text).join("\n"), lines };
}

async function readLine(models: Models, options: { image: Image; quad: Quad }) {
  const { image, quad } = options;
  const { width, height } = quadSize(quad);
  const upright = height >= width * verticalRatio ? startAt(quad, 1) : quad;
  const cut = await cutOut(image, upright);
  const upsideDown = await isUpsideDown(models.direction, cut);
  const first = await readWay(models, { cut, upright, upsideDown });
  if (first.score >= doubtful) return first;
  const second = await readWay(models, { cut, upright, upsideDown: !upsideDown });
  return second.score > first.score ? second : first;
}

async function readWay(models: Models, options: { cut: Image; upright: Quad; upsideDown: boolean }) {
  const { cut, upright, upsideDown } = options;
  const line = upsideDown ? await turn(cut) : cut;
  const decoded = await recognize(models.recognize, { line, classes: models.classes });
  return { ...decoded, box: upsideDown ? startAt(upright, 2) : upright };
}

function clamp(value: number, size: number): number {
  return Math.min(Math.max(Math.round(value), 0), size);
}
