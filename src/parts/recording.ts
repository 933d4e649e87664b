import { programOf } from "../catalog/runtime.js";
import type { RecordConfig } from "../config/quantize-schema.js";
import { recordingRequest } from "../image/recording.js";
import { type AppRequest, hostName } from "../image/request.js";
import { planWithin } from "../plan/within.js";
import { hostAppSteps } from "./host-app.js";
import { hostParts } from "./host-parts.js";
import { nativeCommand } from "./launch.js";
import { locate } from "./model-source.js";
import { programSets } from "./package-sets.js";
import type { RecordApp } from "./quantize.js";
import { type DebianContext, planContext } from "./roots.js";

/** What runs the app where models are calibrated by it: one step for all models that name the same pictures. */
export function appRecorder(context: DebianContext, asked: AppRequest): RecordApp {
  return (record, model) => recordStep(context, asked, { record, model });
}

function recordStep(
  context: DebianContext,
  asked: AppRequest,
  { record, model }: { readonly record: RecordConfig; readonly model: string },
): string {
  const request = recordingRequest(asked);
  const { project, catalog, localPath } = request;
  const own: DebianContext = {
    ...planContext(request, context.lock),
    plan: planWithin(context.plan, "recording"),
  };
  const parts = hostParts(own, request, programSets(request), () => {
    throw new Error("a model that is recorded is not quantized");
  });
  const { app, models, engine } = hostAppSteps(own, parts);
  if (models === undefined) throw new Error("a project that records models has some");
  const end = nameEnd(asked, record);
  const about = ["models", model, "quantize", "record"];
  const why = "models are calibrated with what the app feeds to them";
  const pictures = locate(
    context,
    { name: model, localPath },
    {
      ...{ location: record.pictures, id: `recording/pictures${end}`, why },
      about: [...about, "pictures"],
    },
  );
  return context.plan.add({
    ...{ id: `recording/run${end}`, kind: "record-app", about, why },
    title: "Run the app, and keep what it feeds to its models",
    inputs: {
      ...{ app, models, engine, pictures: pictures.step, runtime: parts.runtime.step, sysroot: parts.sysroot },
      recorder: parts.recorder.step,
      ...Object.fromEntries(parts.kernels.map(({ step }, index) => [`kernels${index}`, step])),
    },
    params: {
      launcher: nativeCommand(request.host.arch, "{sysroot}/root"),
      runtime: parts.runtime.file,
      recorder: parts.recorder.file,
      kernels: parts.kernels.map(({ file }) => file),
      settings: { board: hostName, timezone: project.system.timezone, env: project.app.env },
      pictures: { path: pictures.path, local: typeof record.pictures === "string" },
      to: record.to,
      // The step that all of its models share names none of them in its key.
      models: Object.keys(project.models),
    },
  });
}

/** The end of the steps' names: nothing for the first pictures of the project, `-2` for others. */
function nameEnd({ project }: AppRequest, record: RecordConfig): string {
  const all = Object.values(project.models).flatMap(({ quantize }) => quantize?.record ?? []);
  const index = [...new Set(all.map((one) => JSON.stringify(one)))].indexOf(JSON.stringify(record));
  return index < 1 ? "" : `-${index + 1}`;
}
