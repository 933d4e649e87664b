import type { Plan, Step } from "./step.js";

export interface NamedPlan {
  readonly name: string;
  readonly plan: Plan;
}

export interface MergedPlans {
  /** Each step that several plans share stands in it once. Its targets are `NAME/TARGET`. */
  readonly plan: Plan;
  /** The targets of each plan, by its name. */
  readonly targets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The steps of each plan, by its name. */
  readonly steps: ReadonlyMap<string, readonly string[]>;
}

/**
 * One graph for several plans. Steps that do the same with the same inputs become one, whatever plan they come from; different steps
 * of one id get the name of their plan behind it, and titles that say whose they are.
 */
export function mergePlans(plans: readonly NamedPlan[]): MergedPlans {
  const distinct = new Map<string, { number: string; step: Step; inputs: Record<string, string>; users: string[] }>();
  const numbers = plans.map(({ name, plan }) => {
    const numberOf = new Map<string, string>();
    for (const step of plan.steps) {
      const inputs = mapValues(step.inputs, (id) => need(numberOf, id));
      const work = JSON.stringify({ kind: step.kind, params: step.params, inputs });
      const known = distinct.get(work);
      const number = known?.number ?? String(distinct.size);
      if (known === undefined) distinct.set(work, { number, step, inputs, users: [name] });
      else known.users.push(name);
      numberOf.set(step.id, number);
    }
    return numberOf;
  });

  const owners = new Map<string, number>();
  for (const { step } of distinct.values()) owners.set(step.id, (owners.get(step.id) ?? 0) + 1);
  const ids = new Map<string, string>();
  const steps: Step[] = [];
  for (const { number, step, inputs, users } of distinct.values()) {
    const isOnly = owners.get(step.id) === 1;
    const id = isOnly ? step.id : `${step.id}@${users[0]}`;
    ids.set(number, id);
    const title = isOnly ? step.title : `${step.title} (${users.join(", ")})`;
    steps.push({ ...step, id, title, inputs: mapValues(inputs, (input) => need(ids, input)) });
  }

  const targets = new Map<string, Readonly<Record<string, string>>>();
  const stepsOf = new Map<string, readonly string[]>();
  const all: Record<string, string> = {};
  const first = new Set<string>();
  for (const [index, { name, plan }] of plans.entries()) {
    const idOf = (id: string) => need(ids, need(numbers[index] ?? new Map(), id));
    const own = mapValues(plan.targets, idOf);
    targets.set(name, own);
    stepsOf.set(
      name,
      plan.steps.map(({ id }) => idOf(id)),
    );
    for (const [target, id] of Object.entries(own)) all[`${name}/${target}`] = id;
    for (const id of plan.first ?? []) first.add(idOf(id));
  }
  return { plan: { format: 1, steps, targets: all, first: [...first] }, targets, steps: stepsOf };
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function need(map: ReadonlyMap<string, string>, key: string): string {
  const value = map.get(key);
  if (value === undefined) throw new Error("a plan's step comes before one of its inputs");
  return value;
}
