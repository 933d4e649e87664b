import type { Board } from "../../catalog/board.js";
import { pinnedBlob } from "../../catalog/source.js";
import type { DebianContext } from "../../parts/roots.js";
import type { AssembleEntry } from "../../steps/assemble.js";

/**
 * What the board's chip reads from fixed places of the card, in `out/data` by name: of its packages, or brought by the user. Undefined for a
 * board that reads partitions alone.
 */
export function rawStep(
  context: DebianContext,
  { board, firmware }: { readonly board: Board; readonly firmware: string | undefined },
): string | undefined {
  const { raw } = board.disk;
  if (raw.length === 0) return undefined;
  const inputs: Record<string, string> = {};
  const entries = raw.map(({ name, package: path, supplied }): AssembleEntry => {
    const entry = { type: "file", path: name, mode: 0o644 } as const;
    if (path !== undefined && firmware !== undefined) {
      inputs.firmware = firmware;
      return { ...entry, from: { input: "firmware", path: `root/${path}` } };
    }
    if (supplied === undefined) throw new Error(`board ${board.name} has no source of ${name}`);
    inputs[name] = suppliedStep(context, name, supplied);
    return { ...entry, from: { input: name, path: name } };
  });
  return context.plan.add({
    id: "boot/raw",
    kind: "assemble",
    title: "Collect the boot loader",
    why: "the board's chip reads it from fixed places of the card",
    inputs,
    params: { format: "folder", entries },
  });
}

function suppliedStep(
  { plan }: DebianContext,
  name: string,
  supplied: NonNullable<Board["disk"]["raw"][number]["supplied"]>,
): string {
  const { purl, sha256 } = pinnedBlob(supplied);
  return plan.add({
    id: `fetch/boot/${name}`,
    kind: "fetch",
    title: `Take ${name}`,
    why: "the board's chip reads it, and no package has it",
    inputs: {},
    params: { files: [{ purl, name, sha256, supplied: supplied.how }] },
    origin: {
      kind: "source",
      name,
      version: "",
      license: "the supplier's",
      purl,
      sha256,
      need: "the board starts from it",
    },
  });
}
