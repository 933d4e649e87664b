import type { OnnxFile, OnnxGraph, OnnxNode } from "./onnx.js";

/** A kind of operator, and how a model uses it. */
export interface OperatorUse {
  readonly domain: string;
  readonly operator: string;
  /** The first node's name. */
  readonly node: string;
  /** The most inputs that a node has. */
  readonly inputs: number;
  /** Attributes that are words or whole numbers, with the different values that they have: some of them, of a file that has very many. */
  readonly attributes: Readonly<Record<string, readonly (string | number)[]>>;
}

/** Values of an attribute, and attributes of an operator, that are kept; and characters of a word. */
const usesLimit = 64;

/** Each kind of operator of a model once, in subgraphs too, sorted; functions that it brings along are none. */
export function operatorsOf({ graph, functions }: OnnxFile): readonly OperatorUse[] {
  const found = new Map<
    string,
    Omit<OperatorUse, "attributes"> & { readonly attributes: Map<string, Set<string | number>> }
  >();
  const visit = ({ nodes }: OnnxGraph) => {
    for (const { op, domain, name, inputs, attributes } of nodes) {
      const key = `${domain}:${op}`;
      const known = found.get(key) ?? { domain, operator: op, node: name, inputs: 0, attributes: new Map() };
      if (!functions.has(key)) found.set(key, { ...known, inputs: Math.max(known.inputs, inputs.length) });
      note(known.attributes, attributes);
      for (const { graphs } of attributes.values()) for (const one of graphs) visit(one);
    }
  };
  visit(graph);
  return [...found.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => ({ ...one, attributes: listed(one.attributes) }));
}

const listed = (kept: ReadonlyMap<string, ReadonlySet<string | number>>): OperatorUse["attributes"] =>
  Object.fromEntries(
    [...kept].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, values]) => [name, [...values].sort()]),
  );

/** Adds a node's attributes to those of its kind. */
function note(kept: Map<string, Set<string | number>>, attributes: OnnxNode["attributes"]): void {
  for (const [name, { text, integer: number }] of attributes) {
    const value = text ?? number;
    if (value === undefined || !/^\w{1,64}$/.test(name) || String(value).length > usesLimit) continue;
    const values = kept.get(name) ?? new Set();
    if (kept.size < usesLimit || kept.has(name)) kept.set(name, values);
    if (values.size < usesLimit) values.add(value);
  }
}
