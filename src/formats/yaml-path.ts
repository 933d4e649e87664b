/** Keys and indices that lead to a value. */
export type YamlPath = readonly (string | number)[];

/** `models.det.inputs[0]` */
export function dotted(path: YamlPath): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("");
}
