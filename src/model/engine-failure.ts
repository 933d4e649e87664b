import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";

/** How a run of a model in its engine ended, in a process of its own. */
export interface EngineEnd {
  readonly stdout: string;
  readonly stderr: string;
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
}

export interface FailedRun {
  readonly model: string;
  readonly engine: string;
  readonly cpu: string;
  /** "x 1x3x32x32, mask 1x16" */
  readonly shapes: string;
  readonly end: EngineEnd;
  /** The same run again, with each layer told before it begins (EDGE_NN_TRACE). */
  readonly traced: EngineEnd | undefined;
  /** Engines that read ONNX itself, when this one does not. */
  readonly instead: readonly string[];
  /** Whether the engine was built with the operators of the models alone. */
  readonly reduced?: boolean;
}

const errorLine = z.object({ error: z.string(), status: z.string().optional() });

/** What the engine itself says of a refusal; undefined when it crashed. */
function toldError(stdout: string): string | undefined {
  const line = stdout.split("\n").find((one) => one.startsWith('{"error"'));
  const told = line === undefined ? undefined : errorLine.safeParse(JSON.parse(line));
  return told?.success ? told.data.error : undefined;
}

/** The last layer that began: "Reshape (reshape_3)"; undefined when the engine tells none, or the second run did not fail. */
export function lastLayer(traced: EngineEnd | undefined): string | undefined {
  if (traced === undefined || traced.exitCode === 0) return undefined;
  const line = traced.stderr.split("\n").findLast((one) => one.startsWith("layer "));
  const [, operator = "", ...name] = (line ?? "").split(" ");
  return operator === "" ? undefined : `${operator} (${name.join(" ")})`;
}

/** The error for a model that its engine refuses or crashes on, with the layer where that is known. */
export function engineFailure(run: FailedRun): EdgeimgError {
  const error = wholeFailure(run);
  if (run.reduced !== true) return error;
  const { code, message, details, hint } = error;
  // An engine of the models' operators may lack one that it makes by itself.
  return new EdgeimgError(code, message, {
    details,
    hint: `The engine was built for the models alone: say \`ops: all\` under \`engine\`. If that helps, its recipe has to name the operator that it makes by itself, under operators.needs (docs/engines.md). If it does not: ${hint}`,
  });
}

function wholeFailure({ model, engine, cpu, shapes, end, traced, instead }: FailedRun): EdgeimgError {
  const layer = lastLayer(traced);
  const at = `at ${shapes}${layer === undefined ? "" : `, in layer ${layer}`}`;
  const without = layer === undefined ? "what the message names" : `the operator of layer ${layer}`;
  const [unconverted] = instead;
  const other = `Build with \`--engine ${unconverted}\`, which reads ONNX itself`;
  const error = toldError(end.stdout);
  if (error !== undefined)
    return new EdgeimgError("ERR_EDGEIMG_MODEL_OPERATOR", `Model ${model}: ${engine} refuses it ${at}: ${error}`, {
      hint:
        unconverted === undefined
          ? "Export the model without what the message names, or with another opset."
          : `${other}, or export the model without ${without}.`,
    });
  const illegal = end.signal === "SIGILL" || end.exitCode === 132 || /Illegal instruction/.test(end.stderr);
  const reason = end.signal ?? `exit code ${end.exitCode ?? "unknown"}`;
  const what = illegal ? `uses an instruction that ${cpu} lacks` : `crashed (${reason})`;
  const details = [
    ...end.stderr
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("layer "))
      .slice(-4),
    ...(layer === undefined && !illegal ? [`${engine} does not tell which layer it was in.`] : []),
  ];
  return new EdgeimgError("ERR_EDGEIMG_MODEL_OPERATOR", `Model ${model}: ${engine} ${what} ${at}.`, {
    details,
    hint: illegal
      ? `The flags of the engine's recipe are wrong for this core: compile it with -mcpu=${cpu}${unconverted === undefined ? "" : `. Until then build with \`--engine ${unconverted}\``}.`
      : unconverted === undefined
        ? "Declare other shapes, or export the model with another opset."
        : `${other}, declare other shapes, or export the model without ${layer === undefined ? "the operator that it crashes in" : without}.`,
  });
}
