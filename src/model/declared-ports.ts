import { EdgeimgError } from "../errors/edgeimg-error.js";
import { portLimit, wrongName } from "./ports.js";
import type { Dimension, ShapeSet } from "./shapes.js";
import type { SidecarInput, SidecarOutput } from "./sidecar.js";
import type { ElementType } from "./tensor.js";

/** What a project says of the ports of a model whose file tells nothing of them. */
export interface PortDeclarations {
  readonly inputs: Readonly<
    Record<
      string,
      {
        readonly test?: unknown;
        readonly type?: ElementType | undefined;
      }
    >
  >;
  readonly outputs: Readonly<
    Record<string, { readonly type?: ElementType | undefined; readonly dims?: readonly Dimension[] | undefined }>
  >;
}

export interface DeclaredPorts {
  readonly inputs: readonly SidecarInput[];
  readonly outputs: readonly SidecarOutput[];
  readonly operators: readonly [];
}

/**
 * The ports of a model as the project declares them, in its order, with the shapes that inputs may have. Throws ERR_EDGEIMG_MODEL_PORTS for what
 * no app could use.
 */
export function declaredPorts(
  model: string,
  { inputs, outputs }: PortDeclarations,
  shapes: Readonly<Record<string, ShapeSet>>,
): DeclaredPorts {
  for (const [side, ports] of Object.entries({ inputs, outputs })) checkNames(model, side, Object.keys(ports));
  return {
    inputs: Object.entries(inputs).map(([name, { type }]) => {
      const allowed = shapes[name];
      if (type === undefined || allowed === undefined) throw new Error(`input ${name} is not declared as a whole`);
      return { name, type, allowed };
    }),
    outputs: Object.entries(outputs).map(([name, { type, dims }]) => {
      if (type === undefined) throw new Error(`output ${name} is not declared as a whole`);
      return dims === undefined ? { name, type } : { name, type, dims };
    }),
    operators: [],
  };
}

function checkNames(model: string, side: string, names: readonly string[]): void {
  if (names.length > portLimit)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_PORTS",
      `Model ${model} has ${names.length} ${side}; an app can use 1 to ${portLimit}.`,
      {
        key: ["models", model, side],
        hint: "Leave out those that the app does not need, if the model can do without.",
      },
    );
  for (const name of names) {
    const wrong = wrongName(name);
    if (wrong !== undefined)
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_PORTS",
        `Model ${model}: the name ${JSON.stringify(name)} under ${side} ${wrong}.`,
        { key: ["models", model, side, name], hint: "Give it another name, in edgeimg.yaml and in the model." },
      );
  }
}
