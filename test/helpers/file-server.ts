import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Test } from "tap";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly host: string | undefined;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

export interface FileServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Every request up to now. */
  readonly seen: Seen[];
}

/** An HTTP server on a free local port that ends with the test. `count` tells an answer how many requests came before. */
export async function fileServer(t: Test, answer: Answer): Promise<FileServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, range: headers.range, host: headers.host });
    answer(request, response, seen.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, port, seen };
}

/** Serves bytes, and parts of them as RFC 9110 has it. */
export function withRanges(bytes: Buffer): Answer {
  return (request, response) => {
    const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
    if (start === undefined) {
      response.writeHead(200, { "content-length": bytes.length });
      response.end(bytes);
    } else if (Number(start) >= bytes.length) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` });
      response.end();
    } else {
      const rest = bytes.subarray(Number(start));
      response.writeHead(206, {
        "content-length": rest.length,
        "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      });
      response.end(rest);
    }
  };
}

/** Promises all the bytes, sends some, leaves time to take them, and cuts the connection. */
export function cutAfter(bytes: Buffer, sent: number): Answer {
  return (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, sent), () => setTimeout(() => response.socket?.destroy(), 150));
  };
}
