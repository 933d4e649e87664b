import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { type ArchiveEntry, writeTar } from "../../formats/tar-writer.js";
import { type KeptRun, readRuns } from "../../model/kept-runs.js";
import { measuredLine } from "../../model/measures.js";
import { shapesKey, shapeText } from "../../model/shapes.js";
import { captureProcess, definedVariables } from "../../process/capture-process.js";
import { type Latency, quantile } from "../../report/bench.js";
import { distinctShapes, runArguments } from "../../steps/measure-model.js";
import type { Context } from "../types.js";

export interface BoardJob {
  /** USER@HOST, or a name that ssh's own configuration knows. */
  readonly host: string;
  readonly threads: number;
  readonly model: string;
  /** `data.tar` with the program, the engine and the model. */
  readonly archive: string;
  /** The folder with the runs. */
  readonly cases: string;
  /** Paths in the archive: the dynamic loader, and where libraries lie. */
  readonly loader: string;
  readonly libraries: readonly string[];
}

/** The first runs warm caches and the clock up; the rest is what a median and a 95th of a hundred are taken from. */
const warmUp = 5;
const repeat = 40;

/** Throws ERR_EDGEIMG_USAGE for what is no name of a host: it must not be taken for an option. */
export function checkHost(host: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:@[A-Za-z0-9[][A-Za-z0-9.:_\]-]*)?$/.test(host)) return;
  throw new EdgeimgError("ERR_EDGEIMG_USAGE", `--ssh takes USER@HOST, not ${JSON.stringify(host)}.`, {
    hint: "Give other settings, a port for example, in ssh's own configuration.",
  });
}

/** Measures how long a model's runs take on a board: copies what they need there, runs them, and takes it away again. */
export async function boardLatencies(context: Context, job: BoardJob): Promise<ReadonlyMap<string, Latency>> {
  const cases = distinctShapes(await readRuns(job.cases));
  const folder = (await remote(context, job, { words: ["mktemp", "-d", "/tmp/edgeimg-bench.XXXXXX"] })).trim();
  if (!/^\/tmp\/edgeimg-bench\.[A-Za-z0-9]+$/.test(folder))
    throw failed(job, `it made the folder ${JSON.stringify(folder)}`);
  try {
    await remote(context, job, { folder, words: ["tar", "-xf", "-"], stdin: job.archive });
    await copyInputs(context, job, { folder, cases });
    const found = new Map<string, Latency>();
    for (const [index, one] of cases.entries()) {
      const settings = { model: `models/${job.model}`, threads: job.threads, warmUp, repeat };
      const said = await remote(context, job, {
        folder,
        words: [
          ...[`./${job.loader}`, "--library-path", job.libraries.join(":"), "./init"],
          ...["--engine", "usr/lib/edgeimg/libedge_nn.so"],
          ...runArguments(settings, one, (input) => inputFile(index, input)),
        ],
      });
      const shapes = Object.fromEntries(one.inputs.map(({ name, shape }) => [name, shapeText(shape)]));
      found.set(shapesKey(shapes), latencyOf(job, said));
    }
    return found;
  } finally {
    await remote(context, job, { words: ["rm", "-rf", folder] }).catch(() => undefined);
  }
}

const inputFile = (run: number, input: number): string => `bench/in-${run}-${input}.bin`;

/** The inputs of all runs, in one archive. */
async function copyInputs(
  context: Context,
  job: BoardJob,
  { folder, cases }: { readonly folder: string; readonly cases: readonly KeptRun[] },
): Promise<void> {
  const entries = cases.flatMap(({ inputs }, run) =>
    inputs.map(({ data }, input): ArchiveEntry => {
      return { type: "file", path: inputFile(run, input), mode: 0o644, data: Buffer.from(data) };
    }),
  );
  const scratch = await mkdtemp(join(tmpdir(), "edgeimg-bench-"));
  try {
    const archive = join(scratch, "inputs.tar");
    await writeFile(archive, Buffer.concat([...writeTar(entries, 0)]));
    await remote(context, job, { folder, words: ["tar", "-xf", "-"], stdin: archive });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Runs one program on the board, through ssh, which hands a line to the board's shell: each word is quoted. Throws ERR_EDGEIMG_SSH_FAILED. */
async function remote(
  { env, signal }: Context,
  job: BoardJob,
  { folder, words, stdin }: { readonly folder?: string; readonly words: readonly string[]; readonly stdin?: string },
): Promise<string> {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const line = folder === undefined ? quoted : `cd '${folder}' && ${quoted}`;
  const end = await captureProcess({
    program: "ssh",
    args: ["-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "--", job.host, line],
    env: definedVariables(env),
    ...(stdin === undefined ? {} : { stdin: { file: stdin } }),
    signal,
  });
  if (end.exitCode === 0) return end.stdout;
  throw failed(job, `${words[0]}: ${end.reason}`, end.all.split(/\r?\n/).slice(-6));
}

function failed({ host }: BoardJob, what: string, details: readonly string[] = []): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_SSH_FAILED", `The board ${host} cannot be measured: ${what}.`, {
    details,
    hint: `\`ssh ${host} true\` must work without a question: set up a key, and accept the board's.`,
  });
}

/** What the program said of its runs, in one line. */
function latencyOf(job: BoardJob, said: string): Latency {
  const line = said.split("\n").find((one) => one.startsWith('{"measured"'));
  if (line === undefined) throw failed(job, "its runs told nothing", said.split("\n").slice(-6));
  const { ns, threads, warmUp: before, kHz, milliCelsius } = measuredLine.parse(JSON.parse(line));
  return {
    runs: ns.length,
    warmUp: before,
    threads,
    medianNs: quantile(ns, 0.5),
    p95Ns: quantile(ns, 0.95),
    kHz,
    milliCelsius,
  };
}
