import { type RunningApp, startSource } from "./edge-app.js";

/** An app with a route for each behaviour that the HTTP tests look at. */
const source = (options: string): string => `import { serve } from "edge:http";
  import { onShutdown } from "edge:process";
  const kept = [];
  const server = await serve({ port: 0, host: "127.0.0.1", ${options} }, async (request) => {
    const { method, path, query, headers, body, remote } = request;
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    switch (path) {
      case "/echo": return { status: 201, headers: { "content-type": "application/octet-stream", "X-Length": String(body.byteLength) }, body };
      case "/throw": throw new Error("handler broke");
      case "/big": return { body: new Uint8Array(8 << 20).fill(120) };
      case "/sleep": await wait(500); return { body: "slept" };
      case "/hold": await wait(3000); return { body: "held" };
      case "/keep": kept.push(body); return { body: String(kept.length) };
      case "/drop": kept.length = 0; return { body: "dropped" };
      case "/block": { const end = Date.now() + 1200; while (Date.now() < end); return { body: "blocked" }; }
      case "/late": await wait(400); throw new Error("late");
      case "/none": return { status: 204 };
      case "/bad": return [{ status: 99 }, { headers: { "a b": "c" } }, { headers: { a: "b\\r\\nc: d" } }, { body: 5 }, 7, undefined, { statusCode: 404 }][Number(query.n)];
      case "/framing": return { headers: { "Content-Length": "999", "transfer-encoding": "chunked", connection: "x" }, body: "abc" };
      case "/close": server.close(); return { body: "closing" };
      default: return { headers: { "content-type": "application/json" }, body: JSON.stringify({ method, path, query, headers, body: body.byteLength, remote }) };
    }
  });
  onShutdown(() => server.close());`;

export interface HttpApp {
  readonly running: RunningApp;
  readonly port: number;
}

/** Starts the app; `options` are further ServerOptions as source text. */
export async function startServer(folder: string, options = ""): Promise<HttpApp> {
  const running = await startSource(folder, source(options));
  const { port } = await running.milestone("http");
  return { running, port: Number(port) };
}

/** Ends the app with SIGTERM and gives its app-error lines; throws when it does not end well. */
export async function stop({ running }: HttpApp): Promise<readonly unknown[]> {
  running.kill("SIGTERM");
  const { code, milestones } = await running.finished;
  if (code !== 0) throw new Error(`ended with ${code}`);
  return milestones.filter(({ edgeimg }) => edgeimg === "app-error");
}

/** A request that leaves the connection open. */
export const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
/** A request after which the server closes. */
export const last = (path: string, more = ""): string => get(path, `${more}Connection: close\r\n`);
