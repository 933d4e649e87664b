import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { get, last, startServer, stop } from "../helpers/http-app.js";
import { exchange, parseAnswers, rawClient } from "../helpers/raw-http.js";

const app = await appFolder();
t.teardown(app.remove);

t.test("requests are read as they were meant", async (t) => {
  const server = await startServer(app.path);
  const url = `http://127.0.0.1:${server.port}`;
  const response = await fetch(`${url}/a%20b/./x/../c?q=1&q=2&e=%C3%A9+%41&__proto__=p&flag&%zz=1`, {
    method: "POST",
    headers: { "X-Custom": "Value" },
    body: "hello",
  });
  const value: unknown = await response.json();
  t.match(value, {
    method: "POST",
    path: "/a b/c",
    query: { q: "2", e: "é A", flag: "", "%zz": "1" },
    headers: { "x-custom": "Value", "content-length": "5" },
    body: 5,
    remote: "127.0.0.1",
  });
  t.match(JSON.stringify(value), /"__proto__":"p"/);
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i & 255));
  const echo = await fetch(`${url}/echo`, { method: "PUT", body });
  t.equal(echo.status, 201);
  t.equal(echo.headers.get("x-length"), "300000");
  t.ok(Buffer.from(await echo.arrayBuffer()).equals(body));
  const paths: [string, number, string][] = [
    ["/..", 200, "/"],
    ["/../../etc/passwd", 200, "/etc/passwd"],
    ["/%2e%2e/%2e%2e/x", 200, "/x"],
    ["/a/%2e%2e%2f%2e%2e/x", 200, "/x"],
    ["/a/..", 200, "/"],
    ["/a/.", 200, "/a/"],
    ["http://other/p?x=1", 200, "/p"],
    ["http://other", 200, "/"],
    ["/%ff", 200, "/\ufffd"],
    ["/%00", 400, ""],
    ["/%2", 400, ""],
    ["/%zz", 400, ""],
  ];
  for (const [target, status, path] of paths) {
    const [answer] = parseAnswers(await exchange(server.port, last(target)));
    t.equal(answer?.status, status, target);
    if (status === 200) t.match(JSON.parse(answer?.body ?? ""), { path }, target);
  }
  const repeated = last("/", "Cookie: a=1\r\nCookie: b=2\r\nAccept: x\r\naccept: y\r\nX-Empty:\r\n");
  t.match(JSON.parse(parseAnswers(await exchange(server.port, repeated))[0]?.body ?? ""), {
    headers: { cookie: "a=1; b=2", accept: "x, y", "x-empty": "" },
  });
  t.same(await stop(server), []);
});

t.test("responses have the right frame", async (t) => {
  const server = await startServer(app.path);
  const two = parseAnswers(await exchange(server.port, get("/one") + last("/two")));
  t.same(
    two.map(({ status, headers }) => [status, headers.connection]),
    [
      [200, "keep-alive"],
      [200, "close"],
    ],
  );
  t.match(
    two.map(({ body }) => JSON.parse(body)),
    [{ path: "/one" }, { path: "/two" }],
  );
  const head = await exchange(server.port, last("/big").replace("GET", "HEAD"));
  t.match(head.toString(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 8388608\r\n[\s\S]*\r\n\r\n$/);
  const none = (await exchange(server.port, last("/none"))).toString();
  t.match(none, /^HTTP\/1\.1 204 No Content\r\n/);
  t.notMatch(none, /Content-Length/);
  const [framing] = parseAnswers(await exchange(server.port, last("/framing")));
  t.equal(framing?.headers["content-length"], "3");
  t.notOk(framing?.headers["transfer-encoding"]);
  const [old] = parseAnswers(await exchange(server.port, "GET /old HTTP/1.0\r\n\r\n"));
  t.match(old, { status: 200, headers: { connection: "close" } });
  const big = await fetch(`http://127.0.0.1:${server.port}/big`);
  t.equal((await big.arrayBuffer()).byteLength, 8 << 20);
  t.same(await stop(server), []);
});

t.test("a handler's errors give 500 and an app-error line, the server goes on", async (t) => {
  const server = await startServer(app.path);
  for (const path of ["/throw", "/bad?n=0", "/bad?n=1", "/bad?n=2", "/bad?n=3", "/bad?n=4", "/bad?n=5", "/bad?n=6"]) {
    const [answer] = parseAnswers(await exchange(server.port, last(path)));
    t.match(answer, { status: 500, body: "Internal Server Error" }, path);
  }
  const gone = await rawClient(server.port);
  gone.write(get("/late"));
  await new Promise((done) => setTimeout(done, 100));
  gone.destroy();
  await new Promise((done) => setTimeout(done, 600));
  t.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 200);
  t.match(await stop(server), [
    { message: "Error: handler broke", stack: [/^main\.js:\d+:\d+/] },
    ...Array.from({ length: 6 }, () => ({ message: /Error: / })),
    { message: 'Error: the response: there is no "statusCode"' },
    { message: "Error: late" },
  ]);
});

t.test("malformed requests get 400 and an end", async (t) => {
  const server = await startServer(app.path);
  const cases: [string, string, number][] = [
    ["no HTTP", "hello\r\n\r\n", 400],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["no version", "GET /\r\n\r\n", 400],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    ["bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400],
    ["space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400],
    ["0 in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400],
    ["negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400],
    ["length beyond 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400],
    [
      "length and chunks",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["chunks not last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400],
    ["bad chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400],
    ["huge chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400],
    ["unknown method", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["expects something", get("/", "Expect: tea\r\n"), 417],
    ["long target", last(`/${"a".repeat(9000)}`), 414],
    ["long header", last("/", `X: ${"a".repeat(17000)}\r\n`), 431],
    ["many headers", last("/", Array.from({ length: 120 }, (_, i) => `X${i}: 1\r\n`).join("")), 431],
    [
      "long chunk extension",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${"a".repeat(17000)}\r\n`,
      431,
    ],
  ];
  for (const [what, text, status] of cases) {
    const answers = parseAnswers(await exchange(server.port, Buffer.from(text, "latin1")));
    t.equal(answers.length, 1, what);
    t.match(answers[0], { status, headers: { connection: "close" } }, what);
  }
  t.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 200, "the server goes on");
  t.same(await stop(server), []);
});

t.test("a request may come byte by byte, and in chunks", async (t) => {
  const server = await startServer(app.path);
  const chunks = "5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n";
  const client = await rawClient(server.port);
  for (const byte of `POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
    client.write(byte);
  const [answer] = parseAnswers(await client.closed);
  t.match(answer, { status: 201, body: "hello world" });
  const waits = await rawClient(server.port);
  waits.write(
    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  t.equal((await waits.received(25)).toString(), "HTTP/1.1 100 Continue\r\n\r\n");
  waits.write("ok");
  t.match(
    (await waits.closed).toString(),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 Created\r\n[\s\S]*\r\n\r\nok$/,
  );
  t.same(await stop(server), []);
});
