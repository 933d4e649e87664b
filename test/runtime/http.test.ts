import t from "tap";
import { appFolder, type RunningApp, startSource } from "../helpers/edge-app.js";
import { exchange, parseAnswers, rawClient } from "../helpers/raw-http.js";

const app = await appFolder();
t.teardown(app.remove);

const source = (options: string): string => `import { serve } from "edge:http";
  import { onShutdown } from "edge:process";
  const server = await serve({ port: 0, host: "127.0.0.1", ${options} }, async (request) => {
    const { method, path, query, headers, body, remote } = request;
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    switch (path) {
      case "/echo": return { status: 201, headers: { "content-type": "application/octet-stream", "X-Length": String(body.byteLength) }, body };
      case "/throw": throw new Error("handler broke");
      case "/big": return { body: new Uint8Array(8 << 20).fill(120) };
      case "/sleep": await wait(500); return { body: "slept" };
      case "/block": { const end = Date.now() + 1200; while (Date.now() < end); return { body: "blocked" }; }
      case "/late": await wait(400); throw new Error("late");
      case "/none": return { status: 204 };
      case "/bad": return [{ status: 99 }, { headers: { "a b": "c" } }, { headers: { a: "b\\r\\nc: d" } }, { body: 5 }, 7, undefined][Number(query.n)];
      case "/framing": return { headers: { "Content-Length": "999", "transfer-encoding": "chunked", connection: "x" }, body: "abc" };
      case "/close": server.close(); return { body: "closing" };
      default: return { headers: { "content-type": "application/json" }, body: JSON.stringify({ method, path, query, headers, body: body.byteLength, remote }) };
    }
  });
  onShutdown(() => server.close());`;

async function startServer(options = ""): Promise<{ running: RunningApp; port: number }> {
  const running = await startSource(app.path, source(options));
  const { port } = await running.milestone("http");
  return { running, port: Number(port) };
}

async function stop({ running }: { running: RunningApp }): Promise<readonly unknown[]> {
  running.kill("SIGTERM");
  const { code, milestones } = await running.finished;
  if (code !== 0) throw new Error(`ended with ${code}`);
  return milestones.filter(({ edgeimg }) => edgeimg === "app-error");
}

const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const last = (path: string, more = ""): string => get(path, `${more}Connection: close\r\n`);

t.test("requests are read as they were meant", async (t) => {
  const server = await startServer();
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
  const server = await startServer();
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
  const server = await startServer();
  for (const path of ["/throw", "/bad?n=0", "/bad?n=1", "/bad?n=2", "/bad?n=3", "/bad?n=4", "/bad?n=5"]) {
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
    { message: "Error: late" },
  ]);
});

t.test("malformed requests get 400 and an end", async (t) => {
  const server = await startServer();
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
    ["unknown method", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
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
  const server = await startServer();
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

t.test("bodies above the limit get 413, however they come", async (t) => {
  const server = await startServer("maxBodyBytes: 1000");
  const post = (more: string, body: string): string =>
    `POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n\r\n${body}`;
  const status = async (text: string): Promise<number | undefined> =>
    parseAnswers(await exchange(server.port, text))[0]?.status;
  t.equal(await status(post("Content-Length: 1000", "a".repeat(1000))), 201);
  t.equal(await status(post("Content-Length: 1001", "")), 413, "by the head alone");
  t.equal(await status(post("Content-Length: 5000000", "a".repeat(5_000_000))), 413, "while the client still sends");
  t.equal(await status(post("Transfer-Encoding: chunked", `3e8\r\n${"a".repeat(1000)}\r\n1\r\na\r\n0\r\n\r\n`)), 413);
  t.equal(await status(post("Content-Length: 2000\r\nExpect: 100-continue", "")), 413, "instead of 100");
  t.same(await stop(server), []);
});

t.test("a slow client gets 408 in time and holds up nobody", async (t) => {
  const server = await startServer("requestTimeoutMs: 800");
  const start = Date.now();
  const slow = await Promise.all(
    [
      "",
      "GET /slow",
      "GET / HTTP/1.1\r\nHost: x\r\nX: y",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ]
      .map(async (text) => {
        const client = await rawClient(server.port);
        client.write(text);
        // One byte now and then must not prolong it.
        const drip = setInterval(() => text !== "" && client.write("a"), 200);
        const bytes = await client.closed.finally(() => clearInterval(drip));
        return { status: parseAnswers(bytes)[0]?.status, ms: Date.now() - start };
      })
      .concat(
        Array.from({ length: 20 }, async (_, i) => {
          const asked = Date.now();
          const { status } = await fetch(`http://127.0.0.1:${server.port}/${i}`);
          return { status, ms: 800 + Date.now() - asked };
        }),
      ),
  );
  for (const [i, { status, ms }] of slow.entries()) {
    t.equal(status, i < 4 ? 408 : 200);
    t.ok(ms >= 700 && ms < 6000, `${ms} ms`);
  }
  t.same(await stop(server), []);
});

t.test("time for which the app held the loop is not the client's fault", async (t) => {
  const server = await startServer("requestTimeoutMs: 400");
  const waiting = await rawClient(server.port);
  waiting.write("GET /first HTTP/1.1\r\n");
  const blocked = exchange(server.port, last("/block"));
  await new Promise((done) => setTimeout(done, 250));
  waiting.write("Host: x\r\nConnection: close\r\n\r\n");
  t.match(parseAnswers(await waiting.closed)[0], { status: 200 });
  t.match(parseAnswers(await blocked)[0], { status: 200, body: "blocked" });
  t.same(await stop(server), []);
});

t.test("a client that does not take its answer loses it, others are served", async (t) => {
  const server = await startServer("requestTimeoutMs: 500");
  const client = await rawClient(server.port);
  client.pause();
  client.write(get("/big"));
  for (let i = 0; i < 5; i++) t.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 200);
  await new Promise((done) => setTimeout(done, 1500));
  client.resume();
  const got = await client.closed.then(
    (bytes) => bytes.length,
    () => 0,
  );
  t.ok(got < 8 << 20, `${got} bytes`);
  t.same(await stop(server), []);
});

t.test("more connections than allowed get 503, later ones are served", async (t) => {
  const server = await startServer("maxConnections: 3");
  const idle = await Promise.all([1, 2, 3].map(() => rawClient(server.port)));
  for (const client of idle) client.write(get("/"));
  for (const client of idle) await client.received(20);
  const [refused] = parseAnswers(await exchange(server.port, last("/")));
  t.match(refused, { status: 503, headers: { connection: "close" } });
  for (const client of idle) client.destroy();
  let later = 503;
  for (let i = 0; i < 50 && later === 503; i++) {
    await new Promise((done) => setTimeout(done, 100));
    later = parseAnswers(await exchange(server.port, last("/")))[0]?.status ?? 0;
  }
  t.equal(later, 200);
  t.same(await stop(server), []);
});

t.test("slow handlers run side by side", async (t) => {
  const server = await startServer();
  const start = Date.now();
  const bodies = await Promise.all(
    Array.from({ length: 10 }, async () => (await fetch(`http://127.0.0.1:${server.port}/sleep`)).text()),
  );
  t.same(new Set(bodies), new Set(["slept"]));
  t.ok(Date.now() - start < 4500, `${Date.now() - start} ms`);
  t.same(await stop(server), []);
});

t.test("a closed server answers what is under way, then the app ends by itself", async (t) => {
  const server = await startServer();
  const idle = await rawClient(server.port);
  idle.write(get("/"));
  await idle.received(20);
  const sleeping = exchange(server.port, get("/sleep"));
  await new Promise((done) => setTimeout(done, 50));
  const [closing] = parseAnswers(await exchange(server.port, get("/close")));
  t.match(closing, { status: 200, body: "closing", headers: { connection: "close" } });
  t.match(parseAnswers(await sleeping)[0], { body: "slept", headers: { connection: "close" } });
  await idle.closed;
  t.equal((await server.running.finished).code, 0);
});

t.test("options and addresses are checked", async (t) => {
  const running = await startSource(
    app.path,
    `import { serve } from "edge:http";
     const code = (promise) => promise.then(() => "served", (error) => error.code ?? error.name);
     const first = await serve({ port: 0, host: "127.0.0.1" }, () => ({}));
     const codes = [];
     for (const [options, handler] of [[{ port: first.port, host: "127.0.0.1" }], [{ port: 70000 }], [{}], [undefined], [{ port: 0 }, 5],
       [{ port: 0, host: "300.1.1.1" }], [{ port: 0, maxBodyBytes: -1 }], [{ port: 0, requestTimeoutMs: 0 }], [{ port: 0, maxConnections: 0.5 }]])
       codes.push(await code(serve(options, handler ?? (() => ({})))));
     first.close(); first.close();
     console.log(codes.join(" "));`,
  );
  const { code, stdout } = await running.finished;
  t.equal(code, 0);
  t.match(stdout, /^EADDRINUSE RangeError TypeError TypeError TypeError EINVAL RangeError RangeError RangeError$/m);
});
