import * as z from "../ground/zod.js";
import type { ProvenanceNode } from "../provenance/node.js";
import type { Material, Origin } from "../provenance/origin.js";
import type { Step } from "./step.js";

/** What a fetch step says of one of its files, as far as it is needed here. */
const fetched = z.object({ files: z.array(z.object({ purl: z.string(), sha256: z.string() })) });

export interface ProvenanceGraph {
  readonly nodes: Readonly<Record<string, ProvenanceNode>>;
  /** Steps whose trees are looked into. */
  readonly reads: readonly string[];
}

/**
 * The part of a plan that tells origins, from some steps down. Throws for a step that runs tools and does not say what its result is
 * made of: a compiler is no part of what it compiles.
 */
export function provenanceGraph(steps: ReadonlyMap<string, Step>, from: readonly string[]): ProvenanceGraph {
  const nodes: Record<string, ProvenanceNode> = {};
  const reads = new Set<string>();
  const read = (id: string): string => {
    reads.add(id);
    return id;
  };
  const visit = (id: string): string => {
    if (nodes[id] !== undefined) return id;
    const step = steps.get(id);
    if (step === undefined) throw new Error(`the plan has no step ${id}`);
    nodes[id] = nodeOf(step, { visit, read, steps });
    return id;
  };
  from.forEach(visit);
  return { nodes, reads: [...reads] };
}

interface Walk {
  readonly visit: (id: string) => string;
  readonly read: (id: string) => string;
  readonly steps: ReadonlyMap<string, Step>;
}

function nodeOf(step: Step, { visit, read, steps }: Walk): ProvenanceNode {
  const inputs = Object.entries(step.inputs);
  switch (step.kind) {
    case "root":
      return { from: "packages", input: read(step.id) };
    case "assemble":
      return {
        from: "listing",
        input: read(step.id),
        inputs: Object.fromEntries(inputs.map(([name, id]) => [name, visit(id)])),
      };
    case "bundle": {
      const { project, dependencies } = step.inputs;
      if (project === undefined) throw new Error(`${step.id} bundles no project`);
      return {
        from: "bundle",
        input: read(step.id),
        project: visit(project),
        ...(dependencies === undefined ? {} : { packages: read(dependencies) }),
      };
    }
    case "fetch": {
      const origins = fetched.parse(step.params).files.map((file) => step.origin ?? sourceOrigin(file, step.why));
      return { from: "origins", origins };
    }
  }
  if (step.origin !== undefined && step.materials === undefined) return { from: "origins", origins: [step.origin] };
  if (step.kind === "unpack") {
    const [known] = inputs.flatMap(([, id]) => {
      const source = steps.get(id);
      return source === undefined ? [] : originsOf(nodeOf(source, { visit, read, steps }));
    });
    if (known?.kind === "npm") return { from: "npm", input: read(step.id), known };
  }
  if (step.materials === undefined && step.kind === "run")
    throw new Error(`${step.id} does not say what its result is made of`);
  const materials: readonly Material[] = step.materials ?? inputs.map(([input]) => ({ input }));
  return {
    from: "materials",
    materials: materials.map(({ input, paths }) => {
      const id = step.inputs[input];
      if (id === undefined) throw new Error(`${step.id} is made of ${input}, which is none of its inputs`);
      return { step: visit(id), ...(paths === undefined ? {} : { paths: [...paths] }) };
    }),
  };
}

const originsOf = (found: ProvenanceNode) => (found.from === "origins" ? found.origins : []);

/** `pkg:TYPE/NAME@VERSION` of an archive that nothing else is known of. */
function sourceOrigin({ purl, sha256 }: { purl: string; sha256: string }, need: string): Origin {
  const [path = ""] = purl.replace(/^pkg:/, "").split(/[?#]/);
  const [type = "", ...rest] = path.split("/");
  const [name = "", version = ""] = rest.join("/").split("@");
  return {
    kind: type === "npm" ? "npm" : "source",
    name: decodeURIComponent(name),
    version: decodeURIComponent(version),
    license: "NOASSERTION",
    purl,
    sha256,
    need,
  };
}
