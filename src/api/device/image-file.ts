import { open, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { compressionOf, readTable } from "../../flash/image-checks.js";
import { type Compression, openReader } from "../../flash/reader.js";
import { findImage, readManifest } from "../../flash/source.js";
import { planContext, toolsRoot } from "../../parts/roots.js";
import { treePath } from "../../store/store.js";
import { firstTargetOf, type Prepared, prepareTargets } from "../session/prepare.js";
import type { Context, RunOptions } from "../types.js";

/** An image, and what it takes to boot it. */
export interface Bootable {
  readonly prepared: Pick<Prepared, "services" | "request">;
  readonly qemuRoot: string;
  /** The path of the raw image; a compressed one is unpacked to the folder. */
  readonly image: (workDir: string) => Promise<string>;
}

/**
 * An image that is there already: a file, plain or compressed, also one that `flash` wrote, or a build's folder. Nothing is built but
 * QEMU's root. The board is what the manifest beside it says, unless it is named.
 * Throws ERR_EDGEIMG_FLASH_NO_IMAGE, _SOURCE_INVALID, ERR_EDGEIMG_USAGE without a board.
 */
export async function openImageFile(
  context: Context,
  options: RunOptions & { readonly image: string },
): Promise<Bootable> {
  const path = await findImage(resolve(context.cwd, options.image));
  const compression = await compressionOf(path);
  await readTable(path, compression);
  const manifest = await readManifest(dirname(path), basename(path).replace(/\.(zst|xz)$/, ""));
  const board = options.board ?? manifest?.board;
  if (board === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `Nothing beside ${path} says which board it is for.`, {
      hint: "Name it with --board; `edgeimg boards` lists them.",
    });
  }
  // As parts: the image is there, so that it may be one that this machine's builder could not make.
  const [prepared] = await prepareTargets(context, { ...options, board }, firstTargetOf, "parts");
  if (prepared === undefined) throw new Error("no target was chosen");
  return {
    prepared,
    qemuRoot: await qemuRoot(context, prepared),
    image: async (workDir) => (compression === "none" ? path : await unpack(context, { path, compression, workDir })),
  };
}

async function qemuRoot(context: Context, { request, lock, services }: Prepared): Promise<string> {
  const planned = planContext(request, lock);
  const { plan } = planned;
  const qemu = toolsRoot(planned, "qemu");
  context.emit({ type: "plan", steps: plan.steps.size });
  const results = await execute({ format: 1, steps: [...plan.steps.values()], targets: { qemu } }, [qemu], services);
  return join(treePath(services.store, results.get(qemu)?.digest ?? ""), "root");
}

/** Bytes that are unpacked at once; a piece of zeros stays a hole. */
const piece = 1 << 20;

async function unpack(
  { signal }: Context,
  {
    path,
    compression,
    workDir,
  }: { readonly path: string; readonly compression: Compression; readonly workDir: string },
): Promise<string> {
  const file = join(workDir, "image.img");
  const reader = await openReader(path, compression);
  const target = await open(file, "wx");
  const zeros = Buffer.alloc(piece);
  try {
    const buffer = Buffer.alloc(piece);
    let at = 0;
    for (let length = piece; length === piece; at += length) {
      signal.throwIfAborted();
      length = await reader.read(buffer, at);
      if (!buffer.subarray(0, length).equals(zeros.subarray(0, length))) {
        for (let done = 0; done < length; )
          done += (await target.write(buffer, done, length - done, at + done)).bytesWritten;
      }
    }
    if ((await stat(file)).size < at) await target.truncate(at);
  } finally {
    await target.close();
    await reader.close();
  }
  return file;
}
