import { hostReference } from "../catalog/check.js";
import type * as z from "../ground/zod.js";

/** What of a model decides which of its keys go together. */
interface Mixture {
  readonly onnx?: unknown;
  readonly format?: string | undefined;
  readonly file?: unknown;
  readonly inputs: Readonly<
    Record<
      string,
      { readonly test?: unknown; readonly type?: unknown; readonly dims?: unknown; readonly shapes?: unknown }
    >
  >;
  readonly outputs: Readonly<Record<string, { readonly type?: unknown; readonly dims?: unknown }>>;
  readonly quantize?: unknown;
  readonly check: { readonly against?: string | undefined };
}

/** Says what does not go together in a model: an ONNX file tells its ports itself, a file of another format does not. */
export function explainMixture(model: Mixture, context: z.RefinementCtx): void {
  const say = (path: readonly string[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const { onnx, format, file } = model;
  if (onnx !== undefined) {
    for (const [key, value] of Object.entries({ format, file }))
      if (value !== undefined) say([key], "a model is given as `onnx`, or as `format` and `file`, not both");
    toldTwice(model, say);
    return;
  }
  if (format === undefined && file === undefined) {
    say([], "a file is missing: give `onnx: FILE`, or `format: WORD` and `file: FILE` for a model that is not ONNX");
    return;
  }
  if (format === "onnx") say(["format"], "give an ONNX file as `onnx: FILE`, without `format`");
  else if (format === undefined) say(["file"], "`format` is missing beside it; an ONNX file is given as `onnx: FILE`");
  else if (file === undefined) say(["format"], "`file` is missing beside it");
  else untold(model, say);
  if (model.quantize !== undefined)
    say(["quantize"], "only an ONNX file can be quantized: give the model as `onnx: FILE`, or take `quantize` out");
  if (model.check.against === hostReference)
    say(
      ["check", "against"],
      `${hostReference} runs ONNX files only: leave it out, and give each output its \`golden\` file`,
    );
}

type Say = (path: readonly string[], message: string) => void;

/** What the project tells of an ONNX file that the file tells itself. */
function toldTwice({ inputs, outputs }: Mixture, say: Say): void {
  for (const [name, { type }] of Object.entries(inputs))
    if (type !== undefined) say(["inputs", name, "type"], "the ONNX file tells the type: leave it out");
  for (const [name, { type, dims }] of Object.entries(outputs))
    for (const [key, value] of Object.entries({ type, dims }))
      if (value !== undefined) say(["outputs", name, key], "the ONNX file tells it: leave it out");
}

/** What nobody tells of a file of another format. */
function untold({ inputs, outputs }: Mixture, say: Say): void {
  for (const [side, ports, needs] of [
    ["inputs", inputs, "`type` and `dims`"],
    ["outputs", outputs, "`type`"],
  ] as const)
    if (Object.keys(ports).length === 0)
      say(
        ["format"],
        `only an ONNX file tells what it takes and gives: declare each of its ${side} under \`${side}\`, with ${needs}`,
      );
  for (const [name, { type, dims, shapes }] of Object.entries(inputs)) {
    if (type === undefined) say(["inputs", name], "its `type` is missing, such as f32 or u8");
    if (dims === undefined && shapes === undefined)
      say(["inputs", name], "its shape is missing: `dims`, or whole `shapes`");
  }
  for (const [name, { type }] of Object.entries(outputs))
    if (type === undefined) say(["outputs", name], "its `type` is missing, such as f32");
}
