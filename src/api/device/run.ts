import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BootedBoard, bootImage } from "../../device/boot.js";
import { useStore } from "../../store/use.js";
import { buildPrepared } from "../build/build.js";
import type { Built } from "../session/built.js";
import type { Context, RunOptions, RunResult } from "../types.js";
import { type Bootable, openImageFile } from "./image-file.js";

/** The port that apps serve on. */
const appPort = 80;
const sshPort = 22;

export interface BoardOptions {
  /** Local port of the app's HTTP port; absent: a free one. */
  readonly port?: number | undefined;
  /** Whether the ssh server's port is forwarded, too. */
  readonly ssh?: boolean;
  readonly timeoutMs?: number | undefined;
}

/** Boots an image; `use` gets the running board, which is stopped afterwards. */
export async function withBoard<T>(
  context: Context,
  options: BoardOptions & { readonly built: Bootable },
  use: (board: BootedBoard) => Promise<T>,
): Promise<T> {
  const { services } = options.built.prepared;
  return await useStore(services.store, context.signal, () => withUnprunedBoard(context, options, use));
}

async function withUnprunedBoard<T>(
  context: Context,
  { built, port, ssh, timeoutMs }: BoardOptions & { readonly built: Bootable },
  use: (board: BootedBoard) => Promise<T>,
): Promise<T> {
  const { services, request } = built.prepared;
  const workDir = await mkdtemp(join(services.store.root, "tmp", "device-"));
  try {
    const board = await bootImage({
      image: await built.image(workDir),
      board: request.board,
      qemuRoot: built.qemuRoot,
      workDir,
      httpGuestPort: appPort,
      ...(port === undefined ? {} : { httpHostPort: port }),
      ...(ssh ? { sshGuestPort: sshPort } : {}),
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
  const built =
    options.image === undefined
      ? bootable(await buildPrepared(context, options))
      : await openImageFile(context, { ...options, image: options.image });
  return await withBoard(context, { built, port: options.port, ssh: true }, async (board) => {
    const say = (message: string) => context.emit({ type: "log", level: "info", message });
    say(`the app's HTTP port is at http://127.0.0.1:${board.httpPort}/ once it serves; Ctrl-C ends the board`);
    say(
      `its ssh port is at ${board.sshPort}: ssh -p ${board.sshPort} root@127.0.0.1, with a key that the image or the card has`,
    );
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

/** What a build made, as it lies in the output folder. */
export function bootable({ image, ...rest }: Pick<Built, "image" | "prepared" | "qemuRoot">): Bootable {
  return { ...rest, image: async () => image };
}
