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
  body: string | ArrayBuffer;
}

export interface HandlerOptions {
  /** What GET answers, by file name: the page and its parts. `index.html` is GET /. */
  readonly page: ReadonlyMap<string, ArrayBuffer>;
  /** GET /samples/NAME. */
  readonly samples: ReadonlyMap<string, ArrayBuffer>;
  /** GET /about. */
  readonly about: object;
  /** Where pictures are posted to, without the slash before it. */
  readonly action: string;
  /** Answers one encoded picture; rejects with a PictureError when it is none. */
  readonly answer: (bytes: ArrayBuffer) => Promise<object>;
  /** Pictures that may be worked on or wait; each one more is told to come back. Bounds memory. */
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

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
};

/**
 * GET / (the page; the runtime answers HEAD from it) and its parts, GET /samples/NAME, GET /about, GET /health, POST /ACTION (a picture; one
 * is worked on at a time). Every error is JSON: `{"error": "..."}`.
 */
export function createHandler(options: HandlerOptions): (request: PictureRequest) => Promise<PictureResponse> {
  const { answer, maxPending = 8 } = options;
  const files = filesByPath(options);
  let pending = 0;
  let last: Promise<unknown> = Promise.resolve();

  const answerInTurn = async (bytes: ArrayBuffer): Promise<object> => {
    pending++;
    const before = last;
    const turn = before.then(() => answer(bytes));
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      pending--;
    }
  };

  const receive = async ({ headers, body }: PictureRequest): Promise<PictureResponse> => {
    const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (!pictureTypes.includes(type)) return failure(415, `send a picture as ${pictureTypes.join(" or ")}`);
    if (body.byteLength === 0) return failure(400, "the body is empty: send a picture");
    if (body.byteLength > maxPictureBytes) return failure(413, `send at most ${maxPictureBytes} bytes`);
    if (pending >= maxPending) return failure(503, "busy with other pictures", { "retry-after": "5" });
    try {
      return json(200, await answerInTurn(body));
    } catch (error) {
      if (error instanceof PictureError) return failure(error.status, error.message);
      throw error;
    }
  };

  return async (request) => {
    const { path } = request;
    const isAction = path === `/${options.action}`;
    const file = files.get(path);
    if (!isAction && file === undefined && path !== "/about" && path !== "/health")
      return failure(404, `there is no ${path}`);
    const allowed = isAction ? "POST" : "GET";
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== allowed) return failure(405, `use ${allowed}`, { allow: allowed });
    if (isAction) return receive(request);
    if (file !== undefined) return reply(200, file.type, file.body, pageHeaders);
    return json(200, path === "/about" ? options.about : { status: "ok", pending });
  };
}

interface PageFile {
  readonly type: string;
  readonly body: ArrayBuffer;
}

function filesByPath({ page, samples }: HandlerOptions): ReadonlyMap<string, PageFile> {
  const file = ([name, body]: [string, ArrayBuffer]): PageFile => ({
    type: types[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "application/octet-stream",
    body,
  });
  return new Map([
    ...[...page].map((one): [string, PageFile] => [one[0] === "index.html" ? "/" : `/${one[0]}`, file(one)]),
    ...[...samples].map((one): [string, PageFile] => [`/samples/${one[0]}`, file(one)]),
  ]);
}

/** The page brings all it needs with it and may load nothing else. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; connect-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

function json(status: number, value: object, headers: Record<string, string> = {}): PictureResponse {
  return reply(status, "application/json", JSON.stringify(value), headers);
}

function failure(status: number, message: string, headers: Record<string, string> = {}): PictureResponse {
  return json(status, { error: message }, headers);
}

function reply(
  status: number,
  type: string,
  body: string | ArrayBuffer,
  headers: Record<string, string> = {},
): PictureResponse {
  return { status, headers: { "content-type": type, "cache-control": "no-store", ...headers }, body };
}
