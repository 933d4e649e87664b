/** The app's HTTP interface, apart from the socket. */

/** The part of edge:http's request that is used. */
export interface PictureRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ArrayBuffer;
}

export interface PictureResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface HandlerOptions {
  /** The HTML page. */
  readonly page: string;
  /** Reads one encoded picture; rejects with a PictureError when it is none. */
  readonly read: (bytes: ArrayBuffer) => Promise<object>;
  /** Pictures that may be read or wait; each one more is told to come back. Bounds memory. */
  readonly maxPending?: number;
}

/** The picture is at fault, not the app. */
export class PictureError extends Error {
  override readonly name = "PictureError";
  /** 400: cannot be decoded, 413: too large. */
  readonly status: 400 | 413;

  constructor(message: string, status: 400 | 413 = 400) {
    super(message);
    this.status = status;
  }
}

/** Larger pictures are refused: 8 MiB. */
export const maxPictureBytes = 2 ** 23;

const pictureTypes: readonly string[] = ["image/jpeg", "image/png"];

/** GET / (the page; the runtime answers HEAD from it), GET /health, POST /read (a picture; one is read at a time). Every error is JSON: `{"error": "..."}`. */
export function createHandler(options: HandlerOptions): (request: PictureRequest) => Promise<PictureResponse> {
  const { page, read, maxPending = 8 } = options;
  let pending = 0;
  let last: Promise<unknown> = Promise.resolve();

  const readInTurn = async (bytes: ArrayBuffer): Promise<object> => {
    pending++;
    const before = last;
    const turn = before.then(() => read(bytes));
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      pending--;
    }
  };

  return async (request) => {
    const route = routes.get(request.path);
    if (route === undefined) return failure(404, `there is no ${request.path}`);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== route) return failure(405, `use ${route}`, { allow: route });
    if (request.path === "/") return reply(200, "text/html; charset=utf-8", page, pageHeaders);
    if (request.path === "/health") return json(200, { status: "ok", pending });
    const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (!pictureTypes.includes(type)) return failure(415, `send a picture as ${pictureTypes.join(" or ")}`);
    if (request.body.byteLength === 0) return failure(400, "the body is empty: send a picture");
    if (request.body.byteLength > maxPictureBytes) return failure(413, `send at most ${maxPictureBytes} bytes`);
    if (pending >= maxPending) return failure(503, "busy with other pictures", { "retry-after": "5" });
    try {
      return json(200, await readInTurn(request.body));
    } catch (error) {
      if (error instanceof PictureError) return failure(error.status, error.message);
      throw error;
    }
  };
}

/** The page brings all it needs with it and may load nothing else. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; connect-src 'self'; img-src blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
};

const routes: ReadonlyMap<string, "GET" | "POST"> = new Map([
  ["/", "GET"],
  ["/health", "GET"],
  ["/read", "POST"],
]);

function json(status: number, value: object, headers: Record<string, string> = {}): PictureResponse {
  return reply(status, "application/json", JSON.stringify(value), headers);
}

function failure(status: number, message: string, headers: Record<string, string> = {}): PictureResponse {
  return json(status, { error: message }, headers);
}

function reply(status: number, type: string, body: string, headers: Record<string, string> = {}): PictureResponse {
  return { status, headers: { "content-type": type, "cache-control": "no-store", ...headers }, body };
}
