import { hostRequest, type ImageRequest } from "../../image/request.js";
import type { Lock } from "../../lock/lock-file.js";
import { hostParts } from "../../parts/host-parts.js";
import { programSets } from "../../parts/package-sets.js";
import { planContext } from "../../parts/roots.js";
import type { Plan } from "../../plan/step.js";

/**
 * The graph of what runs a project's app on the machine that builds: pure. Its targets:
 *
 * - `app`: the app's folder, `data/app`
 * - `models`: `data/models`; absent when the project has none
 * - `engine`: `libedge_nn.so` with the engine's libraries beside it
 * - `runtime`: the app host
 * - `kernels`: the library of quantized kernels; absent when the project does not ask for it
 * - `sysroot`: `root/`, whose loader and libraries it is started with
 */
export function planHost(asked: ImageRequest, lock: Lock): Plan {
  const request = hostRequest(asked);
  const context = planContext(request, lock);
  const { plan } = context;
  const parts = hostParts(context, request, programSets(request));
  const { app, models, adapter, engine, licence, runtime, sysroot } = parts;
  const files = plan.add({
    id: "host/app",
    kind: "assemble",
    title: "Collect the app's files",
    why: "they are /app to the app",
    inputs: app.inputs,
    params: { format: "folder", entries: app.entries },
  });
  const ofModels =
    models.entries.length === 0
      ? undefined
      : plan.add({
          id: "host/models",
          kind: "assemble",
          title: "Collect the models",
          why: "they are /models to the app",
          inputs: models.inputs,
          params: { format: "folder", entries: models.entries },
        });
  const libraries = plan.add({
    id: "host/engine",
    kind: "compose",
    title: "Collect the engine",
    why: "its adapter looks for it in its own folder",
    inputs: { adapter, ...(engine === undefined ? {} : { engine }) },
    params: {
      parts: [
        { from: "adapter", path: "", to: "" },
        ...(engine === undefined ? [] : [{ from: "engine", path: "usr/lib", to: "" }]),
      ],
    },
  });
  const steps = [...plan.steps.values()];
  return {
    format: 1,
    steps,
    first: [...steps.flatMap(({ id, kind }) => (kind === "local" ? [id] : [])), app.bundle],
    targets: {
      app: files,
      ...(ofModels === undefined ? {} : { models: ofModels }),
      engine: libraries,
      runtime: runtime.step,
      ...Object.fromEntries(parts.kernels.map(({ step }) => ["kernels", step])),
      sysroot,
      "model-types": app.modelTypes,
      typecheck: app.typecheck,
      ...(licence === undefined ? {} : { licence }),
    },
  };
}
