import { createWriteStream } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { defconfigName } from "../../builders/buildroot/defconfig.js";
import { parseMessage } from "../../builders/buildroot/messages.js";
import { compressStep } from "../../builders/debian/image.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { toolsRoot } from "../../parts/roots.js";
import { planBuilder } from "../../plan/step.js";
import { runProcess } from "../../process/run-process.js";
import { treePath } from "../../store/store.js";
import { firstTargetOf, prepareTargets } from "../session/prepare.js";
import { type Built, publish, requireWritable } from "../session/publish.js";
import type { BuildOptions, Context } from "../types.js";
import { describeBuildrootImage } from "./manifest.js";
import { runTool, toolEnv } from "./run-tool.js";
import { readBuildroot, readReleases, writeBuildrootTree } from "./write.js";

/**
 * Builds the image with Buildroot, and ends with the same files as the other builder. Buildroot itself continues where a run before
 * stopped. Throws ERR_EDGEIMG_BUILDROOT_BUILD, with the log's last lines.
 */
export async function buildWithBuildroot(context: Context, options: BuildOptions): Promise<Built> {
  const started = context.now();
  if (options.buildroot === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--builder buildroot needs a Buildroot release.", {
      hint: "Name the folder of an unpacked one with --buildroot DIR.",
    });
  }
  const buildroot = resolve(context.cwd, options.buildroot);
  const [prepared] = await prepareTargets(context, options, firstTargetOf, "parts");
  if (prepared === undefined) throw new Error("no target was chosen");
  const { request, services, lock, out, project } = prepared;
  const { release } = await readBuildroot(buildroot, await readReleases(project.catalog.home));
  await requireWritable(out);
  const work = join(out, "buildroot");
  const tree = join(work, "tree");
  const output = join(work, "output");
  await writeBuildrootTree(context, {
    ...options,
    out: tree,
    board: request.board.name,
    engine: request.engine.recipe.name,
    matrix: false,
  });
  const settings = [
    ...(options.jobs === undefined ? [] : [`BR2_JLEVEL=${options.jobs}`]),
    ...(options.dlDir === undefined ? [] : [`BR2_DL_DIR=${resolve(context.cwd, options.dlDir)}`]),
    ...(options.primarySite === undefined ? [] : [`BR2_PRIMARY_SITE=${options.primarySite}`]),
  ];
  const make = ["-C", buildroot, `O=${output}`, `BR2_EXTERNAL=${tree}`, ...settings];
  const log = join(work, "build.log");
  for (const goals of [[defconfigName(request.board, request.engine)], []])
    await runMake(context, { args: [...make, ...goals], cwd: work, log });
  const info = await runTool(context, { command: "make", args: ["-s", ...make, "show-info"], cwd: work });

  const name = `${request.project.name}-${request.board.name}-${request.engine.recipe.name}`;
  const images = join(output, "images");
  const filesystem = project.catalog.init.buildroot.filesystems[request.project.image.filesystem];
  const described = await describeBuildrootImage({
    output,
    info: info.stdout,
    name,
    image: join(images, "sdcard.img"),
    root: join(images, filesystem?.image ?? ""),
    project: request.project.name,
    board: request.board.name,
    engine: { name: request.engine.recipe.name, version: request.engine.recipe.version },
    release,
  });
  const disk = join(work, "disk");
  const report = join(work, "report");
  for (const folder of [disk, report]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await copyFile(join(images, "sdcard.img"), join(disk, `${name}.img`));
  for (const [file, text] of Object.entries(described)) await writeFile(join(report, file), text);

  const plan = planBuilder();
  const local = (id: string, title: string, path: string) =>
    plan.add({ id, kind: "local", title, why: "Buildroot made it", inputs: {}, params: { path, exclude: [] } });
  const debian = {
    distribution: project.catalog.distribution,
    lock,
    plan,
    hostArch: request.host.arch,
    version: request.versions.edgeimg,
    arch: request.board.arch,
  };
  const tools = toolsRoot(debian, "image");
  const card = local("buildroot/disk", "Read the image that Buildroot made", disk);
  const targets = {
    disk: card,
    bmap: plan.add({
      id: "image/bmap",
      kind: "bmap",
      title: "Map the image's blocks",
      why: "a flasher that knows the map writes less and checks what it wrote",
      inputs: { disk: card },
      params: {},
    }),
    ...(request.project.image.compress ? { zst: compressStep(debian, { tools, disk: card, name }) } : {}),
    report: local("buildroot/report", "Read the manifest", report),
    qemu: toolsRoot(debian, "qemu"),
  };
  context.emit({ type: "plan", steps: plan.steps.size });
  const results = await execute(
    { format: 1, steps: [...plan.steps.values()], targets },
    Object.values(targets),
    services,
  );
  const artifacts = await publish({ prepared, targets, steps: [...plan.steps.keys()], results }, context);
  for (const artifact of artifacts) context.emit({ type: "artifact", ...artifact });
  const steps = [...results.values()];
  return {
    prepared,
    image: artifacts.find(({ role }) => role === "image")?.path ?? "",
    qemuRoot: join(treePath(services.store, results.get(targets.qemu)?.digest ?? ""), "root"),
    result: {
      artifacts,
      board: request.board.name,
      engine: request.engine.recipe.name,
      boards: project.merged.boards,
      out,
      cachedSteps: steps.filter(({ cached }) => cached).length,
      ranSteps: steps.filter(({ cached }) => !cached).length,
      ms: context.now() - started,
    },
  };
}

/** Lines of the log that an error shows. */
const shownLines = 20;

/** Runs make, telling each step of each package, and keeps all that it prints. */
export async function runMake(
  context: Context,
  job: { readonly args: readonly string[]; readonly cwd: string; readonly log: string },
): Promise<void> {
  await mkdir(job.cwd, { recursive: true });
  const log = createWriteStream(job.log, { flags: "a" });
  let current: { step: string; title: string; began: number } | undefined;
  const end = () => {
    if (current === undefined) return;
    const { step, title, began } = current;
    context.emit({ type: "step-end", step, title, cached: false, ms: context.now() - began, digest: "" });
    current = undefined;
  };
  const onLine = (line: string) => {
    log.write(`${line}\n`);
    const message = parseMessage(line);
    if (message === undefined) return;
    end();
    const title = `${message.package}${message.version === "" ? "" : ` ${message.version}`}: ${message.what}`;
    current = { step: `buildroot/${title}`, title, began: context.now() };
    context.emit({ type: "plan", steps: 1 });
    context.emit({ type: "step-start", step: current.step, title });
  };
  const ran = await runProcess({
    program: "make",
    args: job.args,
    cwd: job.cwd,
    env: toolEnv(context.env),
    // It removes what is half done.
    graceMs: 5000,
    signal: context.signal,
    onLine,
  }).finally(async () => {
    log.end();
    await finished(log);
  });
  if (!ran.failed) return end();
  if (current !== undefined) {
    context.emit({
      type: "step-failed",
      step: current.step,
      title: current.title,
      message: "make ended with an error",
    });
  }
  const last = (await readFile(job.log, "utf8")).trimEnd().split("\n").slice(-shownLines);
  throw new EdgeimgError(
    "ERR_EDGEIMG_BUILDROOT_BUILD",
    `Buildroot stopped${current === undefined ? "" : ` at ${current.title}`}.`,
    {
      details: [...last, `whole log: ${job.log}`],
      hint: "Cure what the last lines say, and run the same command again: it continues there.",
    },
  );
}
