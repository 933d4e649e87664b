import { relative } from "node:path";
import type { CiInitResult, CiProvider } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { CommandSpec } from "../command.js";
import { buildOptions, projectFlags } from "../flags.js";

const providers: readonly CiProvider[] = ["github", "gitlab", "forgejo", "generic"];

export const ci: CommandSpec = {
  name: "ci",
  summary: "write a CI pipeline, or list what it builds",
  description:
    "`init` writes a pipeline that builds and tests the image of every board and engine under `matrix` of edgeimg.yaml, keeps the store by the lock's hash, and makes a release of a tag. `matrix` lists the boards and engines: lines for a shell, or with --json an object whose `include` a pipeline's dynamic matrix takes.",
  arguments: [{ name: "action", required: true, help: "what to do", choices: ["init", "matrix"] }],
  flags: [
    ...projectFlags,
    {
      name: "provider",
      value: "name",
      help: "init: github, gitlab, forgejo, or generic (a script)",
      choices: providers,
    },
    {
      name: "package",
      value: "spec",
      help: "init: what npm installs where there is no edgeimg (default: ./edgeimg-VERSION.tgz, made by `npm pack`)",
      complete: "files",
    },
    {
      name: "image",
      value: "name",
      help: "init: container image of the jobs, best as NAME:TAG@sha256:DIGEST (default: the distribution that images are made of, with Node)",
    },
    { name: "force", help: "init: replace files that are there already" },
  ],
  examples: [
    ["edgeimg ci init --provider github", "a workflow, and the script that it calls"],
    ["edgeimg ci matrix --json", "the dynamic matrix of a pipeline"],
  ],
  run: async ({ api, arguments: [action], context, flags, output }) => {
    const { ciInit, listTargets } = api;
    const options = buildOptions(flags);
    if (action === "matrix") {
      const include = await listTargets(context, options);
      const lines = include.map(({ board, engine }) => `${board} ${engine}\n`).join("");
      await output.result({ command: "ci matrix", include }, lines);
      return 0;
    }
    const provider = providers.find((one) => one === flags.text("provider"));
    if (provider === undefined)
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "ci init needs --provider.", {
        hint: `One of ${providers.join(", ")}.`,
      });
    const { configFile, board, engine } = options;
    const result = await ciInit(context, {
      ...{ configFile, board, engine, provider },
      package: flags.text("package"),
      image: flags.text("image"),
      force: flags.on("force"),
    });
    await output.result({ command: "ci init", ...result }, initText(result, context.cwd));
    return 0;
  },
};

function initText(result: CiInitResult, cwd: string): string {
  const files = result.files.map((file) => {
    const verb = result.written.includes(file) ? "written   " : "unchanged ";
    return `${verb} ${relative(cwd, file)}\n`;
  });
  const commit = result.hasLock
    ? "Commit them together with edgeimg.lock."
    : "Run `edgeimg lock --update`, and commit edgeimg.lock with them: the pipeline builds with --locked.";
  const { name, isPinned } = result.image;
  const container =
    isPinned || result.provider === "generic"
      ? ""
      : `Jobs run in ${name}, a tag that moves: \`docker buildx imagetools inspect ${name}\` prints its digest; --image NAME:TAG@sha256:DIGEST pins it.\n`;
  return `${files.join("")}\n${result.targets.length} images. ${commit}\nedgeimg is installed there from ${result.package} (EDGEIMG_PACKAGE).\n${container}`;
}
