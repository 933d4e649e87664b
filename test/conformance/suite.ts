import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execute } from "../../src/execute/execute.js";
import { planBuilder } from "../../src/plan/step.js";
import type { StepServices } from "../../src/steps/kind.js";
import { treePath } from "../../src/store/store.js";

/** ONNX's tests as Debian packages them, pinned. */
const source = {
  purl: "pkg:deb/debian/libonnx-testdata@1.17.0-3?arch=all",
  name: "libonnx-testdata_1.17.0-3_all.deb",
  path: "pool/main/o/onnx/libonnx-testdata_1.17.0-3_all.deb",
  size: 6789244,
  sha256: "d2d352c25a62c5544781cd7fb08c41507cd2bbded859f8e804ac8594329077bd",
};
const place = "usr/share/libonnx-testdata/data/node";

export interface Suite {
  /** Names of tests, sorted. */
  readonly names: readonly string[];
  folderOf(name: string): string;
}

/** Fetches and unpacks the tests by the product's own steps. */
export async function nodeTests(services: StepServices): Promise<Suite> {
  const plan = planBuilder();
  const why = "operators are tried with them";
  const debs = plan.add({
    id: "conformance/fetch",
    kind: "fetch",
    title: "Fetch ONNX's node tests",
    why,
    inputs: {},
    params: { files: [source] },
  });
  const root = plan.add({
    id: "conformance/root",
    kind: "root",
    title: "Unpack ONNX's node tests",
    why,
    inputs: { debs },
    params: { only: [`${place}/**`] },
  });
  const results = await execute({ format: 1, steps: [...plan.steps.values()], targets: {} }, [root], services);
  const folder = join(treePath(services.store, results.get(root)?.digest ?? ""), "root", place);
  return { names: readdirSync(folder).sort(), folderOf: (name) => join(folder, name) };
}
