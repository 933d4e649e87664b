import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawClient {
  write(text: string | Buffer): void;
  end(): void;
  destroy(): void;
  /** Stops or goes on taking bytes from the socket. */
  pause(): void;
  resume(): void;
  /** All bytes until the server ends the connection; rejects when it is reset. */
  readonly closed: Promise<Buffer>;
  /** Waits for that many bytes, or the end, and gives all so far. */
  received(bytes: number): Promise<Buffer>;
}

/** A TCP client that sends exactly what it is told. */
export async function rawClient(port: number): Promise<RawClient> {
  const socket: Socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let bytes = Buffer.alloc(0);
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  socket.on("data", (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    wake();
  });
  const closed = new Promise<Buffer>((resolve, reject) => {
    socket.once("error", (error) => {
      ended = true;
      wake();
      reject(error);
    });
    socket.once("end", () => {
      ended = true;
      wake();
      socket.end();
      resolve(bytes);
    });
  });
  closed.catch(() => {});
  return {
    write: (text) => void socket.write(text),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    closed,
    received: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (bytes.length < count && !ended) return;
          waiting.delete(look);
          resolve(bytes);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Sends bytes on a new connection and reads until the server closes it. */
export async function exchange(port: number, text: string | Buffer): Promise<Buffer> {
  const client = await rawClient(port);
  client.write(text);
  return client.closed;
}

/** Splits responses that have a Content-Length (or, when `bodiless`, none). */
export function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`no whole head in ${JSON.stringify(rest.toString("latin1"))}`);
    const [first = "", ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(": ")[0]?.toLowerCase() ?? "", line.split(": ")[1] ?? ""]),
    );
    const length = Number(headers["content-length"] ?? 0);
    answers.push({ status, headers, body: rest.subarray(end + 4, end + 4 + length).toString() });
    rest = rest.subarray(end + 4 + length);
  }
  return answers;
}
