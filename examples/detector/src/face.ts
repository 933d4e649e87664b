export interface FoundFace {
  readonly text: string;
  /** As the model has it: the surest face has the highest. */
  readonly score: number;
  /** In pixels of the picture, clockwise from the top left. */
  readonly box: readonly (readonly [number, number])[];
}

/** Left, top, right, bottom in any unit. */
export interface Edges {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A face as the app answers it. `edges` are in pixels of the picture, and may lie outside of it. */
export function framed(
  { edges, score }: { readonly edges: Edges; readonly score: number },
  place: { readonly index: number; readonly width: number; readonly height: number },
): FoundFace {
  const [x1, x2] = [clamp(edges.left, place.width), clamp(edges.right, place.width)];
  const [y1, y2] = [clamp(edges.top, place.height), clamp(edges.bottom, place.height)];
  return {
    text: `face ${place.index + 1}`,
    score: Math.round(score * 1000) / 1000,
    box: [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ],
  };
}

function clamp(value: number, size: number): number {
  return Math.min(Math.max(Math.round(value), 0), size);
}
