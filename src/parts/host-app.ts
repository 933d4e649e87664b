import type { HostParts } from "./host-parts.js";
import type { DebianContext } from "./roots.js";

/** The folders that an app on the machine that builds is started with, as steps. */
export interface HostAppSteps {
  /** `data/app`. */
  readonly app: string;
  /** `data/models`; undefined when the project has none. */
  readonly models: string | undefined;
  /** `libedge_nn.so` with the engine's libraries beside it. */
  readonly engine: string;
}

/** Adds the steps that lay out what an app is started with. */
export function hostAppSteps({ plan }: DebianContext, { app, models, adapter, engine }: HostParts): HostAppSteps {
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
  return { app: files, models: ofModels, engine: libraries };
}
