import { planHost } from "../../builders/debian/plan-host.js";
import { planImage, planParts } from "../../builders/debian/plan-image.js";
import { planQuantize } from "../../builders/debian/plan-quantize.js";
import { checkBoard, checkSupport, hostRequest, type ImageRequest } from "../../image/request.js";
import type { Lock } from "../../lock/lock-file.js";
import type { Requirements } from "../../lock/resolve.js";
import { hostRequirements, modelRequirements, requirements } from "../../parts/package-sets.js";
import type { Plan } from "../../plan/step.js";

/** What a command is about: images, what another builder's images hold of edgeimg, the app on the machine that builds, or models alone. */
export type Purpose = "image" | "parts" | "host" | "models";

interface PurposeFunctions {
  /** Throws what a board or an engine does not support. */
  readonly check: (request: ImageRequest) => void;
  /** The packages that it takes. */
  readonly needs: (request: ImageRequest) => Requirements;
  readonly plan: (request: ImageRequest, lock: Lock) => Plan;
}

export const purposes: Readonly<Record<Purpose, PurposeFunctions>> = {
  image: {
    check: (request) => {
      checkSupport(request);
      checkBoard(request);
    },
    needs: requirements,
    plan: planImage,
  },
  parts: { check: checkSupport, needs: requirements, plan: planParts },
  host: { check: hostRequest, needs: hostRequirements, plan: planHost },
  // No engine, and nothing of a distribution unless an app calibrates them.
  models: {
    check: () => {},
    needs: modelRequirements,
    plan: planQuantize,
  },
};
