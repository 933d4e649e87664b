import { hostReference } from "../catalog/check.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type AppRequest, hostRequest } from "./request.js";

/** Whether a model of the project is calibrated by its app, or judged by what that answers. */
export function runsItsApp({ project }: Pick<AppRequest, "project">): boolean {
  return Object.values(project.models).some(
    ({ quantize }) => quantize?.record !== undefined || quantize?.accuracy !== undefined,
  );
}

/**
 * The app that calibrates its models: on the machine that builds, with the models as they are before anything is quantized, in the engine that
 * reads them unconverted. Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED where no app runs.
 */
export function recordingRequest(request: AppRequest): AppRequest {
  const engine = request.catalog.engines.get(hostReference);
  if (engine === undefined)
    throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `The catalog has no engine ${hostReference}.`, {
      hint: "Models are calibrated in it: install edgeimg again.",
    });
  const { project } = request;
  const models = Object.entries(project.models).map(([name, { quantize: _, ...config }]) => [name, config] as const);
  return hostRequest({ ...request, engine, project: { ...project, models: Object.fromEntries(models) } });
}
