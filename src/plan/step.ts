import type { Material, Origin } from "../provenance/origin.js";

/**
 * One node of a plan, as data. `inputs` name the steps whose trees it reads; `params` belong to the kind.
 * Nothing of the machine may stand in it: `{cwd}` and the like are filled in when it runs.
 */
export interface Step {
  readonly id: string;
  readonly kind: string;
  /** What a person sees while it runs. */
  readonly title: string;
  /** Why the image needs it. */
  readonly why: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly params: object;
  /** Where its tree comes from, for one that brings something in. No part of its key, nor are `materials`. */
  readonly origin?: Origin;
  /** The inputs that its tree is made of, of one that runs tools; all of them when absent. */
  readonly materials?: readonly Material[];
  /** The key of the project's file that asks for it, as a path: where its errors are found. No part of its key. */
  readonly about?: readonly (string | number)[];
  /** `all`: its tools use every job that there is, so nothing else that takes a job runs beside it. One job when absent. No part of its key. */
  readonly weight?: "all";
  /** Names of what a user may choose in place of what it makes, for the remedies of its errors. No part of its key. */
  readonly instead?: readonly string[];
}

export interface Plan {
  readonly format: 1;
  readonly steps: readonly Step[];
  /** What the plan is for: name -> step. */
  readonly targets: Readonly<Record<string, string>>;
  /** Quick steps in which a user's mistakes show: worth doing before all others. */
  readonly first?: readonly string[];
  /** Steps that run although the store knows their results: somebody wants to see them work. */
  readonly again?: readonly string[];
}

/** Collects steps by id; the same step may be asked for by several fragments, a different one under the same id is a bug. */
export interface PlanBuilder {
  add(step: Step): string;
  readonly steps: ReadonlyMap<string, Step>;
}

export function planBuilder(): PlanBuilder {
  const steps = new Map<string, Step>();
  return {
    steps,
    add(step) {
      const known = steps.get(step.id);
      if (known !== undefined) {
        if (workOf(known) !== workOf(step)) throw new Error(`two different steps are called ${step.id}`);
        return step.id;
      }
      for (const input of Object.values(step.inputs)) {
        if (!steps.has(input)) throw new Error(`step ${step.id} needs ${input}, which is not in the plan yet`);
      }
      steps.set(step.id, step);
      return step.id;
    },
  };
}

/** What a step does, apart from what is said about it. */
function workOf({ kind, inputs, params }: Step): string {
  return JSON.stringify({ kind, inputs, params });
}
