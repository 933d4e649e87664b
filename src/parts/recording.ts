import type { Location } from "../config/model-values.js";
import type { AccuracyConfig, RecordConfig } from "../config/quantize-schema.js";
import { recordingRequest } from "../image/recording.js";
import { type AppRequest, hostName } from "../image/request.js";
import { planWithin } from "../plan/within.js";
import { hostAppSteps } from "./host-app.js";
import { hostParts } from "./host-parts.js";
import { nativeCommand } from "./launch.js";
import { locate } from "./model-source.js";
import { programSets } from "./package-sets.js";
import type { AppRuns } from "./quantize.js";
import { type DebianContext, planContext } from "./roots.js";

/** What runs the app where models are calibrated or judged by it: one step for all models that name the same pictures. */
export function appRuns(context: DebianContext, asked: AppRequest): AppRuns {
  let made: AppAtWork | undefined;
  const work = (): AppAtWork => {
    made ??= appAtWork(context, asked);
    return made;
  };
  return {
    record: (record, model) => recordStep(context, asked, { work: work(), record, model }),
    answers: (accuracy, model, quantized) => answersStep(context, asked, { work: work(), accuracy, model, quantized }),
  };
}

type AppAtWork = ReturnType<typeof appAtWork>;

/** The app on the machine that builds, with all models in floating point: inputs and settings of the steps that run it. */
function appAtWork(context: DebianContext, asked: AppRequest) {
  const request = recordingRequest(asked);
  const { project } = request;
  const own: DebianContext = {
    ...planContext(request, context.lock),
    plan: planWithin(context.plan, "recording"),
  };
  const never = () => {
    throw new Error("a model that the app is run with is not quantized");
  };
  const parts = hostParts(own, request, programSets(request), { record: never, answers: never });
  const { app, models, engine } = hostAppSteps(own, parts);
  if (models === undefined) throw new Error("a project that quantizes models has some");
  return {
    request,
    parts,
    inputs: {
      ...{ app, models, engine, runtime: parts.runtime.step, sysroot: parts.sysroot },
      ...Object.fromEntries(parts.kernels.map(({ step }, index) => [`kernels${index}`, step])),
    },
    params: {
      launcher: nativeCommand(request.host.arch, "{sysroot}/root"),
      runtime: parts.runtime.file,
      kernels: parts.kernels.map(({ file }) => file),
      settings: { board: hostName, timezone: project.system.timezone, env: project.app.env },
    },
  };
}

function recordStep(
  context: DebianContext,
  asked: AppRequest,
  job: { readonly work: AppAtWork; readonly record: RecordConfig; readonly model: string },
): string {
  const { record, model } = job;
  const { request, parts, inputs, params } = job.work;
  const end = nameEnd(record, quantizeOf(asked, "record"));
  const about = ["models", model, "quantize", "record"];
  const why = "models are calibrated with what the app feeds to them";
  const pictures = located(context, asked, {
    ...{ location: record.pictures, model, id: `recording/pictures${end}`, why, about: [...about, "pictures"] },
  });
  return context.plan.add({
    ...{ id: `recording/run${end}`, kind: "record-app", about, why },
    title: "Run the app, and keep what it feeds to its models",
    inputs: { ...inputs, pictures: pictures.step, recorder: parts.recorder.step },
    params: {
      ...params,
      recorder: parts.recorder.file,
      pictures: { path: pictures.path, local: pictures.local },
      to: record.to,
      // The step that all of its models share names none of them in its key.
      models: Object.keys(request.project.models),
    },
  });
}

interface AnswersJob {
  readonly work: AppAtWork;
  readonly accuracy: AccuracyConfig;
  readonly model: string;
  readonly quantized: { readonly step: string; readonly way: string } | undefined;
}

function answersStep(context: DebianContext, asked: AppRequest, job: AnswersJob): string {
  const { accuracy, model, quantized } = job;
  const { inputs, params } = job.work;
  const end = nameEnd(sent(accuracy), quantizeOf(asked, "accuracy").map(sent));
  const about = ["models", model, "quantize", "accuracy"];
  const why = "the app is judged by what it answers";
  const place = { model, why };
  const pictures = located(context, asked, {
    ...{ ...place, location: accuracy.pictures, id: `accuracy/pictures${end}`, about: [...about, "pictures"] },
  });
  const labels = located(context, asked, {
    ...{ ...place, location: accuracy.labels, id: `accuracy/labels${end}`, about: [...about, "labels"] },
  });
  const variant = quantized === undefined ? "float" : `${model}/${quantized.way}`;
  return context.plan.add({
    ...{ id: `accuracy/answers${end}/${variant}`, kind: "answers", about, why },
    title: `Ask the app with ${quantized === undefined ? "models in floating point" : `model ${model} quantized (${quantized.way})`}`,
    inputs: {
      ...{ ...inputs, pictures: pictures.step, labels: labels.step },
      ...(quantized === undefined ? {} : { quantized: quantized.step }),
    },
    params: {
      ...{ ...params, pictures: { path: pictures.path, local: pictures.local }, to: accuracy.to },
      ...{ labels: labels.path, answer: accuracy.answer.split(".") },
      ...(quantized === undefined ? {} : { quantized: model }),
    },
  });
}

function located(
  context: DebianContext,
  { localPath }: AppRequest,
  job: {
    readonly location: Location;
    readonly model: string;
    readonly id: string;
    readonly why: string;
    readonly about: readonly string[];
  },
) {
  const { model, location, id, why, about } = job;
  const found = locate(context, { name: model, localPath }, { location, id, why, about });
  return { ...found, local: typeof location === "string" };
}

/** Those of the project's models, where they have some. */
function quantizeOf<Key extends "record" | "accuracy">({ project }: AppRequest, key: Key) {
  return Object.values(project.models).flatMap(({ quantize }) => quantize?.[key] ?? []);
}

/** What the app is asked; not how its answers are judged. */
function sent({ metric: _, maxLoss: __, ...asked }: AccuracyConfig): object {
  return asked;
}

/** The end of the steps' names: nothing for the first of its kind in the project, `-2` for another. */
function nameEnd(one: object, all: readonly object[]): string {
  const index = [...new Set(all.map((other) => JSON.stringify(other)))].indexOf(JSON.stringify(one));
  return index < 1 ? "" : `-${index + 1}`;
}
