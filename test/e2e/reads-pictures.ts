import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "junit2json";
import t from "tap";
import { engineSize } from "../../src/report/engine-size.js";
import { manifestSchema } from "../../src/report/manifest.js";
import { fixShapes } from "./fix-shapes.js";
import {
  assertBoots,
  edgeimg,
  fetchPhotograph,
  jsonLines,
  packedProgram,
  pictureProject,
  scratchFolder,
} from "./lab.js";
import { statedSize } from "./proven.js";

export interface ReadingOptions {
  /** Boards, each with the engines that it is booted with. */
  readonly boards: Readonly<Record<string, readonly string[]>>;
  /** How many of the rendered pictures the app reads at start. */
  readonly count: number;
  /** Whether it reads a photograph, too, which is larger. */
  readonly photograph?: boolean;
  /** Shapes that engines of fixed shapes are given in place of the example's, by model. */
  readonly fixed?: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/**
 * Builds images of every board with its engines, with the packed program as a CI pipeline does, boots those very images in QEMU and
 * compares what the app reads in the pictures, at start and over HTTP, with what is written on them.
 */
export async function boardsReadPictures({ boards, count, photograph = false, fixed }: ReadingOptions): Promise<void> {
  const engines = [...new Set(Object.values(boards).flat())];
  const wanted = Object.entries(boards).flatMap(([board, own]) => own.map((engine) => ({ board, engine })));
  const exclude = Object.entries(boards).flatMap(([board, own]) =>
    engines.flatMap((engine) => (own.includes(engine) ? [] : [{ board, engine }])),
  );
  // Or tap would take the file for finished while it waits between two assertions.
  t.plan(2 + wanted.length);
  const folder = await scratchFolder("boot");
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const program = await packedProgram(folder);
  const project = join(folder, "project");

  const photographs = photograph ? { photograph: await fetchPhotograph(folder) } : {};
  await pictureProject(program, project, { count, viaHttp: true, ...photographs });
  for (const [model, shapes] of Object.entries(fixed ?? {})) await fixShapes(project, model, shapes);
  await appendFile(
    join(project, "edgeimg.yaml"),
    `matrix: ${JSON.stringify({ boards: Object.keys(boards), engines, exclude })}\n`,
  );
  const built = await edgeimg(program, ["build", "--matrix", "--json"], { cwd: project });
  if (built.code !== 0) throw new Error(`the images were not built: ${built.stdout.slice(-3000)} ${built.stderr}`);
  const listed = jsonLines((await edgeimg(program, ["ci", "matrix", "--json"], { cwd: project })).stdout).at(-1);
  if (!Array.isArray(listed?.include)) throw new Error("edgeimg ci matrix lists nothing");
  const images: { readonly board: string; readonly engine: string }[] = listed.include;
  const [first = { board: "", engine: "" }] = images;
  const types = ["types", "--board", first.board, "--engine", first.engine, "--locked", "--offline", "--json"];
  const said = (await edgeimg(program, types, { cwd: project })).stdout;
  t.equal(images.length, wanted.length, "every board with its engines");
  t.match(jsonLines(said).at(-1), { models: ["det", "cls", "rec"], written: [] }, "init wrote the models' types");

  for (const { board, engine } of images) {
    await t.test(`${board} with ${engine} reads every picture`, async (t) => {
      const junit = join(folder, `${board}-${engine}.xml`);
      const args = ["--board", board, "--engine", engine, "--locked", "--junit", junit];
      const checks = await assertBoots(t, program, args, { cwd: project });
      t.equal(checks, 1 + (1 + count + Number(photograph)) + (3 + 1), "start, console lines, requests");
      t.match(await parse(await readFile(junit, "utf8")), { tests: checks, failures: 0 });
      const manifest = await readFile(join(project, "out", `${board}-${engine}`, "manifest.json"), "utf8");
      const adds = engineSize(manifestSchema.parse(JSON.parse(manifest)));
      const stated = statedSize(board, engine);
      // Compilers and adapters change some bytes; what is told is megabytes.
      t.ok(
        stated !== undefined && Math.abs(stated - adds) <= adds / 100,
        `its recipe says that it adds ${stated} bytes, which are ${adds}: node bench/engines.mjs --board ${board} ${engine}`,
      );
    });
  }
}
