import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { operatorChoice } from "../catalog/operators.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { readSmallFile } from "../ground/read-small-file.js";
import * as z from "../ground/zod.js";
import { operatorsIn, withNeeded, withoutText } from "../model/operators.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

/** What a build is given of the result. */
export const operatorsFile = { cmake: "operators.cmake", compile: "operators.args" } as const;

/** The operators that are built, one a line. */
export const operatorsListing = "operators.txt";

/** Bytes of a text that is searched for operators. */
const largest = 64 * 2 ** 20;

const { known, always, needs, without } = operatorChoice.shape;
const params = z.strictObject({
  engine: z.string(),
  models: z.array(z.strictObject({ name: z.string(), input: z.string(), files: z.array(z.string()) })),
  line: z.string(),
  known,
  always,
  needs,
  without,
  form: z.enum(["cmake", "compile"]),
});

/**
 * Writes what tells the build of an engine which operators to leave out: all that its source knows, but for those of the models and what
 * these need. An operator that the engine does not know is left to it: the check of the model says so. Throws ERR_EDGEIMG_ENGINE_OPERATORS for a
 * model in which none is found, ERR_EDGEIMG_CATALOG_INVALID for a recipe that does not fit the source.
 */
export const operatorsKind = defineKind({
  name: "operators",
  version: 1,
  params,
  async run(options, context) {
    const { inputs, out } = context;
    const all = operatorsIn(await textOf(inputFolder(inputs, "source"), options.known.path), options.known.line);
    checkKnown(options, all);
    const used: string[] = [];
    for (const { name, input, files } of options.models)
      for (const file of files) {
        const found = operatorsIn(await textOf(inputFolder(inputs, input), file), options.line);
        if (found.length === 0) throw nothingFound(options.engine, name, file);
        used.push(...found);
      }
    const wanted = new Set(withNeeded(used, options));
    const kept = all.filter((one) => wanted.has(one));
    const left = all.filter((one) => !wanted.has(one));
    tell(context, kept, left);
    await writeFile(join(out, operatorsFile[options.form]), withoutText(options.form, options.without, left));
    await writeFile(join(out, operatorsListing), kept.map((one) => `${one}\n`).join(""));
  },
});

function tell(context: StepContext, kept: readonly string[], left: readonly string[]): void {
  context.log("info", `${kept.length} operators are built, ${left.length} left out: ${kept.join(", ")}`);
}

async function textOf(folder: string, path: string): Promise<string> {
  return Buffer.from(await readSmallFile(join(folder, path), largest)).toString("latin1");
}

/** A recipe for another version of the source would leave out what is needed, or nothing. */
function checkKnown({ engine, known, always, needs }: z.infer<typeof params>, all: readonly string[]): void {
  const named = [...always, ...Object.entries(needs).flatMap(([one, others]) => [one, ...others])];
  const strange = [...new Set(named.filter((one) => !all.includes(one)))];
  const unfit = all.filter((one) => !/^\w+$/.test(one));
  if (all.length > 0 && strange.length === 0 && unfit.length === 0) return;
  const what =
    all.length === 0
      ? `${known.path} names none by its pattern`
      : unfit.length > 0
        ? `what its pattern finds in ${known.path} is no name: ${unfit.slice(0, 4).join(", ")}`
        : `${known.path} does not name ${strange.join(", ")}`;
  throw new EdgeimgError(
    "ERR_EDGEIMG_CATALOG_INVALID",
    `The recipe's operators do not fit ${engine}'s source: ${what}.`,
    {
      hint: "Correct `operators` of the engine's recipe for the version that it pins; `ops: all` builds it whole until then.",
    },
  );
}

function nothingFound(engine: string, model: string, file: string): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_ENGINE_OPERATORS",
    `Model ${model}: nothing in ${file} is an operator of ${engine}, as its recipe looks for them.`,
    { key: ["engine", "ops"], hint: "Say `ops: all`: the engine is built whole then." },
  );
}
