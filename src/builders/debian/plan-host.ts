import { hostRequest, type ImageRequest } from "../../image/request.js";
import type { Lock } from "../../lock/lock-file.js";
import { hostAppSteps } from "../../parts/host-app.js";
import { hostParts } from "../../parts/host-parts.js";
import { programSets } from "../../parts/package-sets.js";
import { appRuns } from "../../parts/recording.js";
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
  const parts = hostParts(context, request, programSets(request), appRuns(context, request));
  const { licence, runtime, sysroot } = parts;
  const { app, models, engine } = hostAppSteps(context, parts);
  const steps = [...plan.steps.values()];
  return {
    format: 1,
    steps,
    first: [...steps.flatMap(({ id, kind }) => (kind === "local" ? [id] : [])), parts.app.bundle],
    targets: {
      app,
      ...(models === undefined ? {} : { models }),
      engine,
      runtime: runtime.step,
      ...Object.fromEntries(parts.kernels.map(({ step }) => ["kernels", step])),
      sysroot,
      "model-types": parts.app.modelTypes,
      typecheck: parts.app.typecheck,
      ...(licence === undefined ? {} : { licence }),
    },
  };
}
