import { sha256Text } from "../ground/canonical.js";

/** A version-4-shaped UUID from a name: the same image always has the same. */
export function uuidOf(text: string): string {
  const hex = sha256Text(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
