import { bundleKind, typecheckKind } from "./app.js";
import { assembleKind } from "./assemble.js";
import { bmapKind } from "./bmap.js";
import { checkModelKind } from "./check-model.js";
import { fetchKind } from "./fetch.js";
import { imagerKind } from "./imager.js";
import type { StepKind } from "./kind.js";
import { composeKind, localKind } from "./local.js";
import { modelKind } from "./model.js";
import { reportKind } from "./report.js";
import { rootKind } from "./root.js";
import { runKind } from "./run.js";
import { unpackKind } from "./unpack.js";

const kinds: readonly StepKind[] = [
  assembleKind,
  bmapKind,
  bundleKind,
  checkModelKind,
  imagerKind,
  modelKind,
  reportKind,
  typecheckKind,
  fetchKind,
  localKind,
  composeKind,
  unpackKind,
  rootKind,
  runKind,
];

const byName = new Map(kinds.map((kind) => [kind.name, kind]));

/** The kind of a step. An unknown one is a bug: plans are made by this program. */
export function findKind(name: string): StepKind {
  const kind = byName.get(name);
  if (kind === undefined) throw new Error(`no kind of step is called ${name}`);
  return kind;
}
