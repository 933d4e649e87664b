import type { Fdt, FdtNode } from "./fdt.js";

const encoder = new TextEncoder();

/** A property's value: a string with its zero at the end, or big-endian 32-bit cells. */
export function fdtValue(value: string | readonly number[]): Uint8Array {
  if (typeof value === "string") return encoder.encode(`${value}\0`);
  const bytes = new Uint8Array(value.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, cell] of value.entries()) view.setUint32(index * 4, cell);
  return bytes;
}

export interface FdtNodeEdit {
  /** Full path: `/soc/i2c@7ef04500`; `/` is the root. */
  readonly node: string;
  /** Makes a missing node (not its parents). */
  readonly create: boolean;
  readonly set: Readonly<Record<string, string | readonly number[]>>;
  readonly delete: readonly string[];
}

/** Finds a node by its full path. */
export function findFdtNode(tree: Fdt, path: string): FdtNode | undefined {
  let node: FdtNode | undefined = tree.root;
  for (const name of split(path)) node = node?.children.find((child) => child.name === name);
  return node;
}

/**
 * Applies edits in their order. Returns undefined for the tree when a node, or a property to be deleted, is missing, with the
 * edit that failed: whether that is an error in a board file is for the caller to say.
 */
export function editFdt(
  tree: Fdt,
  edits: readonly FdtNodeEdit[],
): { readonly tree: Fdt } | { readonly missing: string } {
  let root = tree.root;
  for (const edit of edits) {
    const changed = editNode(root, split(edit.node), edit);
    if (typeof changed === "string") return { missing: changed };
    root = changed;
  }
  return { tree: { ...tree, root } };
}

function editNode(node: FdtNode, path: readonly string[], edit: FdtNodeEdit): FdtNode | string {
  const [name, ...rest] = path;
  if (name === undefined) return editProperties(node, edit);
  const at = node.children.findIndex((child) => child.name === name);
  if (at < 0 && !(edit.create && rest.length === 0)) return edit.node;
  const child: FdtNode = node.children[at] ?? { name, properties: new Map(), children: [] };
  const changed = editNode(child, rest, edit);
  if (typeof changed === "string") return changed;
  return { ...node, children: at < 0 ? [...node.children, changed] : node.children.with(at, changed) };
}

function editProperties(node: FdtNode, edit: FdtNodeEdit): FdtNode | string {
  const properties = new Map(node.properties);
  for (const name of edit.delete) {
    if (!properties.delete(name)) return `${edit.node}: ${name}`;
  }
  for (const [name, value] of Object.entries(edit.set)) properties.set(name, fdtValue(value));
  return { ...node, properties };
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
