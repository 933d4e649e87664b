import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BootedBoard, bootImage } from "../../device/boot.js";
import { useStore } from "../../store/use.js";
import { type Built, buildPrepared } from "../build/build.js";
import type { Context, RunOptions, RunResult } from "../types.js";

/** The port that apps serve on. */
const appPort = 80;

export interface BoardOptions {
  /** Local port of the app's HTTP port; absent: a free one. */
  readonly port?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Boots an image that was built; `use` gets the running board, which is stopped afterwards. */
export async function withBoard<T>(
  context: Context,
  { built, port, timeoutMs }: BoardOptions & { readonly built: Built },
  use: (board: BootedBoard) => Promise<T>,
): Promise<T> {
  const { services } = built.prepared;
  return await useStore(services.store, context.signal, () =>
    withUnprunedBoard(context, { built, port, timeoutMs }, use),
  );
}

async function withUnprunedBoard<T>(
  context: Context,
  { built, port, timeoutMs }: BoardOptions & { readonly built: Built },
  use: (board: BootedBoard) => Promise<T>,
): Promise<T> {
  const { services, request } = built.prepared;
  const workDir = await mkdtemp(join(services.store.root, "tmp", "device-"));
  try {
    const board = await bootImage({
      image: built.image,
      board: request.board,
      qemuRoot: built.qemuRoot,
      workDir,
      httpGuestPort: appPort,
      ...(port === undefined ? {} : { httpHostPort: port }),
      emit: context.emit,
      timeoutMs,
      signal: context.signal,
      card: "fresh",
    });
    try {
      return await use(board);
    } finally {
      await board.stop();
    }
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Boots the image until the board ends or the user stops it. What the user types goes to the console. */
export async function runImage(context: Context, options: RunOptions): Promise<RunResult> {
  const built = await buildPrepared(context, options);
  return await withBoard(context, { built, port: options.port }, async (board) => {
    context.emit({
      type: "log",
      level: "info",
      message: `the app's HTTP port is at http://127.0.0.1:${board.httpPort}/ once it serves; Ctrl-C ends the board`,
    });
    const onData = (chunk: Buffer | string) => board.write(String(chunk));
    options.input?.on("data", onData);
    try {
      const end = await board.exited;
      return { exitCode: end.reason === "failed" ? 2 : end.reason === "aborted" ? 130 : 0 };
    } finally {
      options.input?.off("data", onData);
    }
  });
}
