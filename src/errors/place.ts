import type { Place } from "./edgeimg-error.js";

/** `file:line:column` */
export function placeText(place: Place): string {
  return [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
}
