import { dirname, relative } from "node:path";
import type { BuildOptions, BuildResult, MatrixResult, StepBuildResult } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";
import { builderFlags, builderOptions, buildFlags, buildOptions, stepFlag } from "../flags.js";
import { bytesText, durationText, shellWord, table } from "../render/words.js";

export const build: CommandSpec = {
  name: "build",
  summary: "build the image",
  description:
    "Builds the SD-card image of the project in this folder, or of the bundled example (reading text from pictures) when there is no edgeimg.yaml; for each of its boards, or the one that --board names. What the store already has is not done again.",
  arguments: [],
  flags: [
    ...buildFlags,
    ...builderFlags,
    { name: "matrix", help: "all boards and engines of the project's `matrix`, each common step once" },
    stepFlag("only", "build this step and what it needs, and say where its result lies"),
    { name: "keep-work", help: "keep the work folders of steps that run tools; with --only, run that step again" },
  ],
  examples: [
    ["edgeimg build --board rpi4 --engine ncnn", "the image for a Raspberry Pi 4"],
    ["edgeimg build --matrix", "every board with every engine that edgeimg.yaml names under `matrix`"],
    ["edgeimg build --builder buildroot --buildroot ../buildroot-2026.05.1", "the same image by Buildroot"],
    ["edgeimg build --locked --offline", "exactly what edgeimg.lock says, without a network"],
    ["edgeimg build --only compile/edge-run --keep-work", "one step, and the folder it worked in"],
    ["edgeimg build --json | jq -c 'select(.type == \"artifact\")'", "the results, for a script"],
  ],
  fillsStore: true,
  run: async ({ api, context, flags, output }) => {
    const { buildImage, buildMatrix, buildStep } = api;
    const options = { ...buildOptions(flags), ...builderOptions(flags), keepWork: flags.on("keep-work") || undefined };
    const step = flags.text("only");
    if (options.builder === "buildroot" && (step !== undefined || options.keepWork)) {
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--only and --keep-work are about edgeimg's own builder.", {
        hint: "Leave out --builder buildroot; Buildroot keeps its work folders in output/build.",
      });
    }
    if (step !== undefined) {
      if (flags.on("matrix")) {
        throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--only builds one step of one image, --matrix many images.", {
          hint: "Name the image with --board and --engine instead of --matrix.",
        });
      }
      const result = await buildStep(context, { ...options, step });
      await output.result({ command: "build", ...result }, stepText(result));
      return 0;
    }
    if (flags.on("matrix")) {
      const result = await buildMatrix(context, options);
      await output.result({ command: "build", ...result }, matrixText(result, context.cwd));
      return 0;
    }
    const show = (result: BuildResult) =>
      output.result({ command: "build", ...result }, buildText(result, context.cwd, options));
    const first = await buildImage(context, options);
    await show(first);
    for (const board of first.boards.slice(1)) await show(await buildImage(context, { ...options, board }));
    return 0;
  },
};

function matrixText(result: MatrixResult, cwd: string): string {
  const rows = result.images.map((one) => {
    const packed = one.artifacts.find(({ role }) => role === "compressed") ?? one.artifacts[0];
    return [`  ${one.board}`, one.engine, bytesText(packed?.bytes ?? 0), relative(cwd, one.out) || "."];
  });
  const steps = `${result.ranSteps} steps run, ${result.cachedSteps} from cache`;
  return `\n${result.images.length} images, in ${durationText(result.ms)} (${steps}):\n\n${table(rows)}`;
}

function stepText({ title, path, ranSteps, cachedSteps, ms }: StepBuildResult): string {
  return `\n${title}, in ${durationText(ms)} (${ranSteps} steps run, ${cachedSteps} from cache):\n${path}\n`;
}

/** What the command line named, so that a command to be pasted means the same. */
type GivenOptions = Pick<BuildOptions, "configFile" | "out" | "builder">;

function runCommand(
  { board, engine }: BuildResult,
  options: GivenOptions & { readonly folder: string | undefined },
): string {
  const { configFile, out, builder, folder } = options;
  const config = configFile === undefined ? [] : ["--config", configFile];
  // `run` builds with Debian's packages: what another builder made is booted as it is.
  if (builder === "buildroot" && folder !== undefined) return words(["edgeimg", "run", folder, ...config]);
  const given = [...config, ...(out === undefined ? [] : ["--out", out])];
  return words(["edgeimg", "run", ...given, "--board", board, "--engine", engine]);
}

function words(list: readonly string[]): string {
  return list.map(shellWord).join(" ");
}

/** What the models' operators alone save. */
function engineSizeText(engine: string, { bytes, whole }: NonNullable<BuildResult["engineSize"]>): string {
  const of = whole === undefined ? "" : `; ${bytesText(whole)} with all, ${bytesText(whole - bytes)} less`;
  return `\n${engine} with the operators of the models: ${bytesText(bytes)}${of}\n`;
}

/** The last lines of a build: what was made, how to try it, how to get it onto a card. */
export function buildText(result: BuildResult, cwd: string, options: GivenOptions = {}): string {
  const near = (path: string) => {
    const short = relative(cwd, path);
    return short.startsWith("..") ? path : short;
  };
  const rows = result.artifacts.map((one) => [near(one.path), bytesText(one.bytes), one.sha256]);
  const image = result.artifacts.find((one) => one.role === "image");
  const steps = `${result.ranSteps} steps run, ${result.cachedSteps} from cache`;
  const lines = [
    `\n${result.board} with ${result.engine}, in ${durationText(result.ms)} (${steps}):\n\n${table(rows)}`,
  ];
  if (result.engineSize !== undefined) lines.push(engineSizeText(result.engine, result.engineSize));
  const folder = image === undefined ? undefined : near(dirname(image.path));
  lines.push(`\nTry it:      ${runCommand(result, { ...options, folder })}\n`);
  if (folder !== undefined) {
    lines.push(`Onto a card: edgeimg flash ${shellWord(folder)}    (--list shows the drives)\n`);
    const manifest = result.artifacts.find((one) => one.role === "imager");
    if (manifest !== undefined) lines.push(`             or open ${near(manifest.path)} with Raspberry Pi Imager\n`);
  }
  return lines.join("");
}
