import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { matrixTargets } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { packageHome } from "../../ground/home.js";
import * as z from "../../ground/zod.js";
import { imageRequest, openProject } from "../session/open-project.js";
import { templateRenderer } from "../session/render-template.js";
import type { CiInitOptions, CiInitResult, CiProvider, Context } from "../types.js";

/** The script that does the work; every pipeline calls it. */
const script = { template: "ci/edgeimg.sh.hbs", path: "ci/edgeimg.sh" };

const pipelines: Readonly<Record<CiProvider, { readonly template: string; readonly path: string } | undefined>> = {
  github: { template: "ci/github.yml.hbs", path: ".github/workflows/images.yml" },
  gitlab: { template: "ci/gitlab.yml.hbs", path: ".gitlab-ci.yml" },
  forgejo: { template: "ci/forgejo.yml.hbs", path: ".forgejo/workflows/images.yml" },
  generic: undefined,
};

const pins = z.record(z.string(), z.record(z.string(), z.string().regex(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v[\w.-]+$/)));

/**
 * Writes a pipeline for the project's boards and engines.
 * @throws EdgeimgError ERR_EDGEIMG_CI_EXISTS when a file is there already with other content
 */
export async function ciInit(context: Context, options: CiInitOptions): Promise<CiInitResult> {
  // It becomes a word of a shell script and of YAML.
  if (options.package !== undefined && !/^[\w@./][\w@./:+~-]*$/.test(options.package)) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `--package ${options.package} is nothing that npm installs.`, {
      hint: "Give a file that `npm pack` made, like ./edgeimg-0.1.0.tgz, or a package of your registry, like @acme/edgeimg@0.1.0.",
    });
  }
  const project = await openProject(context, options);
  const { container: usual } = project.catalog.distribution;
  const container = options.image ?? usual;
  if (!/^[a-z0-9][\w.:/-]{0,200}(@sha256:[0-9a-f]{64})?$/.test(container)) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `--image ${container} is no name of a container image.`, {
      hint: `Give a tag or, better, a tag with its digest: ${usual}@sha256:DIGEST. \`docker buildx imagetools inspect ${usual}\` prints it.`,
    });
  }
  const isPinned = container.includes("@sha256:");
  const targets = matrixTargets(project.merged);
  const [first] = targets.map((target) => imageRequest(project, target));
  const { edgeimg: version } = first?.versions ?? { edgeimg: "" };
  const folder = dirname(project.lockFile);
  const pinned = pins.parse(JSON.parse(await readFile(join(packageHome, "templates/ci/actions.json"), "utf8")));
  const render = templateRenderer(packageHome);
  const values = {
    version,
    container,
    imageNote: isPinned
      ? "The container image is pinned by its digest."
      : `The container image is a tag, which moves: \`docker buildx imagetools inspect ${container}\` prints its digest, and --image pins it.`,
    targets,
    package: options.package ?? `./edgeimg-${version}.tgz`,
    actions: pinned[options.provider] ?? {},
  };
  const wanted = [script, pipelines[options.provider]].flatMap((file) =>
    file === undefined ? [] : [{ path: join(folder, file.path), text: render(file.template, values) }],
  );
  const written: string[] = [];
  for (const { path, text } of wanted) {
    const known = await readFile(path, "utf8").catch(() => undefined);
    if (known !== undefined && known !== text && !options.force) throw exists(relative(context.cwd, path));
    if (known !== text) written.push(path);
  }
  for (const { path, text } of wanted) await write(path, text);
  return {
    provider: options.provider,
    files: wanted.map(({ path }) => path),
    written,
    targets,
    package: values.package,
    image: { name: container, isPinned },
    hasLock: (await stat(project.lockFile).catch(() => undefined)) !== undefined,
  };
}

async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: path.endsWith(".sh") ? 0o755 : 0o644 });
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${path} cannot be written.`, {
      cause,
      hint: "Give yourself rights to the project's folder.",
    });
  }
}

function exists(path: string): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_CI_EXISTS",
    `${path} is there already, and differs from what would be written.`,
    {
      hint: "Move it away, or give --force to replace it. Nothing was written.",
    },
  );
}
