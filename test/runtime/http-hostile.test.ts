import { connect } from "node:net";
import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { get, last, startServer, stop } from "../helpers/http-app.js";
import { exchange, parseAnswers, type RawClient, rawClient } from "../helpers/raw-http.js";

const app = await appFolder();
t.teardown(app.remove);

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const post = (more: string, body: string): string =>
  `POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked", body);

/** The status of each answer to a text, as far as the server ends the connection within 5 s. */
async function statuses(port: number, text: string): Promise<readonly number[] | "waits"> {
  const client = await rawClient(port);
  client.write(Buffer.from(text, "latin1"));
  const bytes = await Promise.race([client.closed, pause(5000)]);
  client.destroy();
  return bytes === undefined ? "waits" : parseAnswers(bytes).map(({ status }) => status);
}

t.test("sizes of chunks are refused when they are announced", async (t) => {
  const server = await startServer(app.path, "maxBodyBytes: 1000");
  const cases: [string, string, number][] = [
    ["the largest", chunked("ffffffffffffffff\r\n"), 413],
    ["negative as 64 bits", chunked("8000000000000000\r\n"), 413],
    ["with an extension", chunked("7fffffff;a=b\r\n"), 413],
    ["one too many", chunked("3e9\r\n"), 413],
    ["together one too many", chunked(`1f4\r\n${"a".repeat(500)}\r\n1f5\r\n`), 413],
    ["beyond 64 bits", chunked("10000000000000000\r\n"), 400],
    ["none", chunked("\r\n"), 400],
    ["with a sign", chunked("+1\r\na\r\n0\r\n\r\n"), 400],
    ["as C writes it", chunked("0x1\r\na\r\n0\r\n\r\n"), 400],
    ["longer than announced", chunked("1\r\nab\r\n0\r\n\r\n"), 400],
  ];
  for (const [what, text, status] of cases) t.same(await statuses(server.port, text), [status], what);
  t.same(await stop(server), []);
});

t.test("only HTTP/1.0 and HTTP/1.1 pass, with HTTP's methods", async (t) => {
  const server = await startServer(app.path);
  const cases: [string, string, number][] = [
    ["ICE", "SOURCE / ICE/1.0\r\nHost: x\r\n\r\n", 400],
    ["ICE with GET", "GET / ICE/1.0\r\nHost: x\r\n\r\n", 400],
    ["RTSP", "OPTIONS / RTSP/1.0\r\nHost: x\r\n\r\n", 400],
    ["RTSP with a method of HTTP", "GET / RTSP/1.0\r\nHost: x\r\n\r\n", 400],
    ["RTSP's own method", "DESCRIBE / RTSP/1.0\r\nHost: x\r\n\r\n", 400],
    ["lower case", "GET / http/1.1\r\nHost: x\r\n\r\n", 400],
    ["HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 400],
    ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400],
    ["HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a source's method", "SOURCE / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["an RTSP method", "PLAY / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["an unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["a known one with more", "GETS / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["a method in lower case", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
    ["no method's form", "G<T / HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["an answer", "HTTP/1.1 200 OK\r\n\r\n", 400],
    ["WebDAV's, which the handler may know", "PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200],
  ];
  for (const [what, text, status] of cases) t.same(await statuses(server.port, text), [status], what);
  const client = await rawClient(server.port);
  for (const byte of "OPTIONS / RTSP/1.0\r\n") {
    client.write(byte);
    await pause(5);
  }
  client.write("Host: x\r\n\r\n");
  t.match(parseAnswers(await client.closed), [{ status: 400 }], "byte by byte");
  const slow = await rawClient(server.port);
  for (const byte of last("/slowly")) {
    slow.write(byte);
    await pause(2);
  }
  t.match(parseAnswers(await slow.closed), [{ status: 200 }], "HTTP byte by byte");
  t.same(await stop(server), []);
});

t.test("no request can hide in another", async (t) => {
  const server = await startServer(app.path);
  const hidden = get("/hidden");
  const cases: [string, string][] = [
    ["length, then chunks", post("Content-Length: 4\r\nTransfer-Encoding: chunked", `0\r\n\r\n${hidden}`)],
    ["chunks, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 4", `0\r\n\r\n${hidden}`)],
    ["two lengths", post("Content-Length: 0\r\nContent-Length: 5", hidden)],
    ["the same length twice", post("Content-Length: 5\r\nContent-Length: 5", `hello${hidden}`)],
    ["a list of lengths", post("Content-Length: 5, 5", `hello${hidden}`)],
    ["a length with a sign", post("Content-Length: +5", `hello${hidden}`)],
    ["a length in hex", post("Content-Length: 0x5", `hello${hidden}`)],
    ["an empty length", post("Content-Length:", hidden)],
    ["chunks of HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a coding like chunked", post("Transfer-Encoding: xchunked", `0\r\n\r\n${hidden}`)],
    ["chunked within something", post("Transfer-Encoding: chunked, identity", `0\r\n\r\n${hidden}`)],
    ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", `0\r\n\r\n${hidden}`)],
    ["chunked after a tab that is part of the name", post("Transfer-Encoding\t: chunked", `0\r\n\r\n${hidden}`)],
    ["a folded coding", post("Transfer-Encoding:\r\n chunked", `0\r\n\r\n${hidden}`)],
    ["a first header that is folded", `GET / HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n${hidden}`],
    ["bare line feeds after a header", `GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n${hidden}`],
    ["bare line feed as the end", `GET / HTTP/1.1\r\nHost: x\r\n\n${hidden}`],
    ["a carriage return in a value", `GET / HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 9\r\n\r\n${hidden}`],
    ["bare line feeds between chunks", chunked(`1\na\n0\n\n${hidden}`)],
    ["a bare line feed in an extension", chunked(`1;a\n\r\na\r\n0\r\n\r\n${hidden}`)],
    ["a 0 in a name", `GET / HTTP/1.1\r\nHost: x\r\nX\0: y\r\n\r\n${hidden}`],
    ["a 0 in a value", `GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n${hidden}`],
    ["a 0 in the target", `GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n${hidden}`],
    ["no name", `GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n${hidden}`],
    ["a blank in the target", `GET / a HTTP/1.1\r\nHost: x\r\n\r\n${hidden}`],
  ];
  for (const [what, text] of cases) t.same(await statuses(server.port, text), [400], what);
  t.same(await statuses(server.port, get("/one").repeat(50) + last("/two")), Array(51).fill(200), "pipelined ones are");
  t.same(await stop(server), []);
});

t.test("idle connections lock out nobody", async (t) => {
  for (const [max, options] of [
    [8, "maxConnections: 8"],
    [64, ""],
  ] as const) {
    const server = await startServer(app.path, options);
    const idle = await Promise.all(Array.from({ length: max + 16 }, () => rawClient(server.port)));
    for (let i = 0; i < 5; i++) t.same(await statuses(server.port, last("/")), [200], `${max} connections`);
    const kept = await rawClient(server.port);
    kept.write(get("/"));
    await kept.received(20);
    await Promise.all(Array.from({ length: 4 }, () => rawClient(server.port)));
    kept.write(last("/again"));
    const answers = parseAnswers(await kept.closed);
    t.match(answers, [{ status: 200 }, { status: 200 }], "who has waited less keeps its place");
    for (const client of idle) client.destroy();
    t.same(await stop(server), []);
  }
});

t.test("a connection without a byte ends after seconds", async (t) => {
  const server = await startServer(app.path);
  const start = Date.now();
  const client = await rawClient(server.port);
  t.match(parseAnswers(await client.closed), [{ status: 408 }]);
  t.ok(Date.now() - start > 3000 && Date.now() - start < 20_000, `${Date.now() - start} ms`);
  t.same(await stop(server), []);
});

t.test("silent heads and bodies and unread ends give their place, busy ones do not", async (t) => {
  const server = await startServer(app.path, "maxConnections: 4, maxConnectionsPerClient: 4");
  const open = async (text: string): Promise<RawClient> => {
    const client = await rawClient(server.port);
    client.write(text);
    return client;
  };
  const busy = await open(get("/sleep"));
  const stuck = await Promise.all([
    open("GET / HTTP/1.1\r\nHost: x\r\nX: "),
    open("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"),
    open("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"),
  ]);
  await pause(300);
  t.match((await statuses(server.port, last("/"))).at(0), 503, "not at once: they may be slow only");
  t.match(parseAnswers(await busy.received(150)), [{ status: 200, body: "slept" }]);
  await pause(1500);
  busy.write(get("/hold"));
  await pause(200);
  for (let i = 0; i < 3; i++) t.same(await statuses(server.port, last("/")), [200]);
  for (const client of [busy, ...stuck]) client.destroy();
  t.same(await stop(server), []);
});

t.test("one address cannot take all places", async (t) => {
  const server = await startServer(app.path, "maxConnections: 4");
  const holding = await Promise.all([1, 2, 3].map(() => rawClient(server.port)));
  for (const client of holding) client.write(get("/hold"));
  await pause(300);
  t.same(await statuses(server.port, last("/")), [503], "three of four are one address's share");
  const other = connect({ host: "127.0.0.1", port: server.port, localAddress: "127.0.0.2" });
  other.write(last("/"));
  const answer = await new Promise<string>((done, fail) => {
    other.once("data", (bytes: Buffer) => done(bytes.toString()));
    other.once("error", fail);
  });
  t.match(answer, /^HTTP\/1\.1 200 OK/, "another address has its place");
  other.destroy();
  for (const client of holding) client.destroy();
  t.same(await stop(server), []);
});

t.test("an answer that nobody takes ends", async (t) => {
  const server = await startServer(app.path, "requestTimeoutMs: 600");
  const client = await rawClient(server.port);
  client.pause();
  client.write(get("/big"));
  const start = Date.now();
  const end = client.closed.then(
    (bytes) => bytes.length,
    () => 0,
  );
  // The whole answer has 600 ms + 524 s: this one is cut off because it takes nothing for 600 ms.
  await pause(3000);
  client.resume();
  t.ok((await end) < 8 << 20, `after ${Date.now() - start} ms`);
  t.same(await stop(server), []);
});

t.test("bodies count until the app lets go of them", async (t) => {
  const server = await startServer(app.path, "maxBodiesBytes: 4000000, maxBodyBytes: 1500000");
  const send = async (path: string, bytes: number): Promise<number | undefined> => {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`;
    return parseAnswers(await exchange(server.port, head + "a".repeat(bytes)))[0]?.status;
  };
  t.same([await send("/keep", 1_500_000), await send("/keep", 1_500_000)], [200, 200]);
  t.equal(await send("/keep", 1_500_000), 503, "4 MB are full");
  t.equal(await send("/keep", 900_000), 200, "what fits is taken");
  t.equal(await send("/drop", 0), 200);
  for (let i = 0; i < 6; i++) t.equal(await send("/echo", 1_500_000), 201, "freed with the answer");
  t.same(await stop(server), []);
});
