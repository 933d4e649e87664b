import { canonicalJson, type Json, sha256Text } from "../ground/canonical.js";
import type { Step } from "../plan/step.js";
import type { StepContext, StepKind } from "../steps/kind.js";
import { findKind } from "./kinds.js";

/** The key of a step's result in the store; undefined as long as the digest of one of its inputs is not among those that are known, by step. */
export function stepKey(step: Step, known: ReadonlyMap<string, string>): string | undefined {
  const inputs = new Map<string, string>();
  for (const [name, id] of Object.entries(step.inputs)) {
    const digest = known.get(id);
    if (digest === undefined) return undefined;
    inputs.set(name, digest);
  }
  return bindStep(step, inputs).action;
}

/** A step whose inputs are known: what it does, and under which key its result lies. */
export interface BoundStep {
  readonly kind: StepKind;
  /** Its key in the store. */
  readonly action: string;
  run(context: StepContext): Promise<void>;
}

/** Checks a step's parameters and makes its key from them and from the digests of its inputs, by their names. */
export function bindStep(step: Step, inputs: ReadonlyMap<string, string>): BoundStep {
  const kind = findKind(step.kind);
  const bound = kind.bind(step.params);
  const action: Json = {
    kind: kind.name,
    version: kind.version,
    params: toJson(bound.key),
    inputs: Object.fromEntries(inputs),
  };
  return { kind, action: sha256Text(canonicalJson(action)), run: (context) => bound.run(context) };
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}
