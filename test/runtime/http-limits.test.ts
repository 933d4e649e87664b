import t from "tap";
import { freePort } from "../../src/device/free-port.js";
import { appFolder, edgeRun, startSource } from "../helpers/edge-app.js";
import { get, last, startServer, stop } from "../helpers/http-app.js";
import { exchange, parseAnswers, rawClient } from "../helpers/raw-http.js";

const app = await appFolder();
t.teardown(app.remove);

t.test("bodies above the limit get 413, however they come", async (t) => {
  const server = await startServer(app.path, "maxBodyBytes: 1000");
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
  const server = await startServer(app.path, "requestTimeoutMs: 800");
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
  const server = await startServer(app.path, "requestTimeoutMs: 400");
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
  const server = await startServer(app.path, "requestTimeoutMs: 500");
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

t.test("more connections than allowed get 503 when all are busy, later ones are served", async (t) => {
  const server = await startServer(app.path, "maxConnections: 3");
  const idle = await Promise.all([1, 2, 3].map(() => rawClient(server.port)));
  for (const client of idle) client.write(get("/hold"));
  await new Promise((done) => setTimeout(done, 300));
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
  const server = await startServer(app.path);
  const start = Date.now();
  const bodies = await Promise.all(
    Array.from({ length: 10 }, async () => (await fetch(`http://127.0.0.1:${server.port}/sleep`)).text()),
  );
  t.same(new Set(bodies), new Set(["slept"]));
  t.ok(Date.now() - start < 4500, `${Date.now() - start} ms`);
  t.same(await stop(server), []);
});

t.test("a closed server answers what is under way, then the app ends by itself", async (t) => {
  const server = await startServer(app.path);
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
       [{ port: 0, host: "300.1.1.1" }], [{ port: 0, maxBodyBytes: -1 }], [{ port: 0, requestTimeoutMs: 0 }], [{ port: 0, maxConnections: 0.5 }], [{ port: 0, maxBodybytes: 1 }]])
       codes.push(await code(serve(options, handler ?? (() => ({})))));
     first.close(); first.close();
     console.log(codes.join(" "));`,
  );
  const { code, stdout } = await running.finished;
  t.equal(code, 0);
  t.match(
    stdout,
    /^EADDRINUSE RangeError TypeError TypeError TypeError EINVAL RangeError RangeError RangeError ARGUMENT$/m,
  );
});

t.test(
  "--address and --map-port say where servers listen, whatever the app asks for; the app is not told",
  async (t) => {
    const taken = await freePort();
    const running = await startSource(
      app.path,
      `import { serve } from "edge:http";
     import { onShutdown, report } from "edge:process";
     const server = await serve({ port: 80 }, () => ({ body: "mapped" }));
     const other = await serve({ port: 0, host: "0.0.0.0" }, () => ({ body: "other" }));
     report("ports", { mapped: server.port, other: other.port });
     onShutdown(() => { server.close(); other.close(); });`,
      { flags: ["--address", "127.0.0.1", "--map-port", "81=1", "--map-port", `80=${taken}`] },
    );
    const { mapped, other } = await running.milestone("ports");
    t.equal(mapped, 80);
    t.equal(parseAnswers(await exchange(taken, last("/")))[0]?.body, "mapped");
    t.equal(parseAnswers(await exchange(Number(other), last("/")))[0]?.body, "other");
    // Of the whole network 127.0.0.0/8 only the one address.
    await t.rejects(fetch(`http://127.0.0.2:${taken}/`));
    await t.rejects(fetch(`http://127.0.0.2:${other}/`));
    running.kill("SIGTERM");
    t.equal((await running.finished).code, 0);
  },
);

t.test("what --map-port cannot be is refused", async (t) => {
  for (const value of ["80", "80=", "=80", "80=0", "0=80", "80=65536", "80=8080x", "123456789=1", "80=81=82"]) {
    const { code, stderr } = await edgeRun(["--map-port", value]);
    t.equal(code, 2, value);
    t.match(stderr, /^edge-run: --map-port needs .*: \S/, value);
  }
});
