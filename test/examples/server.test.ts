import t from "tap";
import {
  createHandler,
  maxPictureBytes,
  PictureError,
  type PictureRequest,
  type PictureResponse,
} from "../../examples/reader/src/server.js";

const bytes = (length: number) => new ArrayBuffer(length);
const ask = (change: Partial<PictureRequest>): PictureRequest => ({
  method: "GET",
  path: "/",
  headers: {},
  body: bytes(0),
  ...change,
});
const post = (change: Partial<PictureRequest> = {}) =>
  ask({ method: "POST", path: "/read", headers: { "content-type": "image/png" }, body: bytes(3), ...change });

const parse = ({ body }: PictureResponse) => JSON.parse(typeof body === "string" ? body : "");
const file = (text: string) => new TextEncoder().encode(text).buffer;
const site = {
  page: new Map([
    ["index.html", file("<p>hello")],
    ["page.css", file("p {}")],
  ]),
  samples: new Map([["a b.png", file("png")]]),
  about: { title: "hello" },
  action: "read",
};
const handler = createHandler({ ...site, answer: async (picture) => ({ text: `${picture.byteLength} bytes` }) });

t.test("the page and the health", async (t) => {
  const page = await handler(ask({}));
  t.match(page, { status: 200, headers: { "content-type": "text/html; charset=utf-8" } });
  t.equal(page.body, site.page.get("index.html"));
  t.match(await handler(ask({ path: "/page.css" })), {
    status: 200,
    headers: { "content-type": "text/css; charset=utf-8" },
  });
  t.match(await handler(ask({ path: "/samples/a b.png" })), { status: 200, headers: { "content-type": "image/png" } });
  t.same(parse(await handler(ask({ path: "/about" }))), { title: "hello" });
  t.match(page.headers["content-security-policy"], /default-src 'none'/);
  t.same(parse(await handler(ask({ path: "/health" }))), { status: "ok", pending: 0 });
  t.match(await handler(ask({ method: "HEAD" })), { status: 200 });
});

t.test("a picture is read, whatever stands behind its type", async (t) => {
  for (const type of ["image/png", "image/jpeg", "IMAGE/JPEG; q=1"]) {
    const answer = await handler(post({ headers: { "content-type": type } }));
    t.match(answer, { status: 200, headers: { "content-type": "application/json" } });
    t.same(parse(answer), { text: "3 bytes" });
  }
});

t.test("errors are JSON with their status", async (t) => {
  const wrong: readonly (readonly [number, PictureRequest])[] = [
    [404, ask({ path: "/nothing" })],
    [404, ask({ path: "constructor" })],
    [404, ask({ path: "/index.html" })],
    [404, ask({ path: "/samples/b.png" })],
    [405, ask({ path: "/read" })],
    [405, ask({ method: "POST", path: "/about" })],
    [405, ask({ method: "POST" })],
    [405, post({ method: "HEAD" })],
    [415, post({ headers: {} })],
    [415, post({ headers: { "content-type": "text/plain" } })],
    [400, post({ body: bytes(0) })],
    [413, post({ body: bytes(maxPictureBytes + 1) })],
  ];
  for (const [status, request] of wrong) {
    const answer = await handler(request);
    t.equal(answer.status, status, `${request.method} ${request.path}`);
    t.type(parse(answer).error, "string");
  }
});

t.test("a picture's fault is told, the app's own is thrown", async (t) => {
  const failing = (error: Error) => createHandler({ ...site, answer: async () => Promise.reject(error) });
  t.match(await failing(new PictureError("no picture"))(post()), { status: 400, body: '{"error":"no picture"}' });
  t.match(await failing(new PictureError("too large", 413))(post()), { status: 413 });
  await t.rejects(failing(new Error("a bug"))(post()), { message: "a bug" });
});

t.test("one picture at a time, a few may wait, a failure does not hold up the next", async (t) => {
  const started: (() => void)[] = [];
  let running = 0;
  const read = async (picture: ArrayBuffer): Promise<object> => {
    t.equal(++running, 1);
    await new Promise<void>((resolve) => started.push(resolve));
    running--;
    if (picture.byteLength === 1) throw new PictureError("broken");
    return { size: picture.byteLength };
  };
  const busy = createHandler({ ...site, answer: read, maxPending: 2 });
  const first = busy(post({ body: bytes(1) }));
  const second = busy(post({ body: bytes(2) }));
  t.match(await busy(post()), { status: 503, headers: { "retry-after": "5" } });
  for (const answer of [first, second]) {
    while (started.length === 0) await new Promise((resolve) => setImmediate(resolve));
    started.shift()?.();
    await answer;
  }
  t.match(await first, { status: 400 });
  t.match(await second, { status: 200, body: '{"size":2}' });
  t.match(await busy(ask({ path: "/health" })), { body: '{"status":"ok","pending":0}' });
});
