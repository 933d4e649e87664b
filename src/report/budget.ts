import type { Budget } from "../config/project-schema.js";
import { diffImages, growth, type SizeChange } from "./diff.js";
import { type ImageFacts, imageSizes } from "./manifest.js";

export interface BudgetExcess {
  /** "image", "rootfs" and so on. */
  readonly part: string;
  readonly bytes: number;
  readonly limit: number;
}

/** Parts of an image that are larger than their budget, in the budget's order. */
export function budgetExcess(image: ImageFacts, budget: Budget): BudgetExcess[] {
  const sizes = imageSizes(image);
  return Object.entries(budget).flatMap(([part, limit]) => {
    const bytes = sizes[part];
    return limit !== undefined && bytes !== undefined && bytes > limit ? [{ part, bytes, limit }] : [];
  });
}

export interface Growth {
  readonly what: string;
  /** By how much; the whole size when there is nothing to compare with. */
  readonly bytes: number;
}

/** What grew most, package by package and then file by file; the largest packages when there is no earlier image. */
export function largestGrowths(image: ImageFacts, before: ImageFacts | undefined, count: number): Growth[] {
  const empty: ImageFacts = { manifest: { ...image.manifest, files: [], packages: [], linked: [], components: [] } };
  const { packages, files } = diffImages(before ?? empty, image);
  const grown = (list: readonly SizeChange[]) => list.filter((one) => growth(one) > 0).slice(0, count);
  return [
    ...grown(packages).map((one) => ({ what: one.name, bytes: growth(one) })),
    ...(before === undefined ? [] : grown(files).map((one) => ({ what: `/${one.name}`, bytes: growth(one) }))),
  ];
}
