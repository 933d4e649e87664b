/** Groups of instructions that a core treats alike; the port tables price these. */
export type InstructionClass =
  | "dot"
  | "multiply8"
  | "multiplyLong"
  | "multiply"
  | "pairAccumulate"
  | "count"
  | "vectorShift"
  | "vectorNarrow"
  | "vectorFloat"
  | "vectorSimple"
  | "insert"
  | "duplicate"
  | "loadQ"
  | "loadPairQ"
  | "loadD"
  | "loadPairD"
  | "loadSpread"
  | "load"
  | "loadPair"
  | "storeQ"
  | "storePairQ"
  | "storeD"
  | "storePairD"
  | "store"
  | "storePair"
  | "integer"
  | "integerMultiply"
  | "branch";

const vectorClasses: readonly (readonly [RegExp, InstructionClass])[] = [
  [/^[su]dot\b/, "dot"],
  [/^(mul|mla|mls) v\d+\.(16b|8b)/, "multiply8"],
  [/^[su]m(ull|lal|lsl)2?\b/, "multiplyLong"],
  [/^(mul|mla|mls|sqr?dmulh|sqrdmlah)\b/, "multiply"],
  [/^[su]adalp\b/, "pairAccumulate"],
  [/^cnt\b/, "count"],
  [/^([su]?q?r?sh[lr]|[su]q?sh|[su]r?shr|[su]r?sra|shl|s[lr]i)/, "vectorShift"],
  [/^(sq|uq|sqr)?(xtn|xtun)2?\b/, "vectorNarrow"],
  [/^(f(?!mov)|[su]cvtf)/, "vectorFloat"],
  [/^(dup|mov) v\d+\.\w+, [wx]/, "duplicate"],
];

/** How many registers a load or store of vector structures moves; 1 for any other instruction. */
export function registersMoved(text: string): number {
  return /^(ld|st)[1-4]/.test(text) ? [...text.matchAll(/\bv\d+\./g)].length : 1;
}

/** Class of one disassembled instruction. */
export function classify(text: string): InstructionClass {
  const [mnemonic = ""] = text.split(" ", 1);
  const first = text.slice(mnemonic.length + 1);
  if (mnemonic === "ld1" && /^\{[^[]*\}, /.test(first)) return /\.(8b|4h|2s|1d)/.test(first) ? "loadD" : "loadQ";
  if (/^ld1r?|^ld[234]/.test(mnemonic)) return "loadSpread";
  if (/^(ldp|ldnp)/.test(mnemonic))
    return first.startsWith("q") ? "loadPairQ" : /^[ds]\d/.test(first) ? "loadPairD" : "loadPair";
  if (/^ldu?r|^ld/.test(mnemonic)) return first.startsWith("q") ? "loadQ" : /^[bhsd]\d/.test(first) ? "loadD" : "load";
  if (/^st1/.test(mnemonic)) return "storeQ";
  if (/^(stp|stnp)/.test(mnemonic))
    return first.startsWith("q") ? "storePairQ" : /^[ds]\d/.test(first) ? "storePairD" : "storePair";
  if (/^stu?r/.test(mnemonic)) return first.startsWith("q") ? "storeQ" : /^[bhsd]\d/.test(first) ? "storeD" : "store";
  if (/^(ins|mov) v\d+\.\w+\[\d+\], [wx]/.test(text) || /^fmov [ds]\d+, [wx]/.test(text)) return "insert";
  if (/^(b|bl|br|blr|ret|cbn?z|tbn?z)\b|^b\./.test(mnemonic)) return "branch";
  if (/(^|[ ,{])v\d+\.|^\S+ [bhsdq]\d+\b/.test(text)) {
    for (const [pattern, name] of vectorClasses) if (pattern.test(text)) return name;
    return "vectorSimple";
  }
  return /^(mul|madd|msub|[su]m(add|ull|ulh)l?|[su]div)/.test(mnemonic) ? "integerMultiply" : "integer";
}
