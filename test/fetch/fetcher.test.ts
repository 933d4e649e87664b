import { createHash, randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import t, { type Test } from "tap";
import { createFetcher, type FetcherOptions, placeBlob } from "../../src/fetch/fetcher.js";
import type { Registries } from "../../src/fetch/registries.js";
import { blobPath, openStore, type Store } from "../../src/store/store.js";
import { bundleChild, startChild } from "../helpers/child.js";
import { type Answer, cutAfter, fileServer, withRanges } from "../helpers/file-server.js";

const bytes = randomFillSync(Buffer.alloc(300_000));
const sha256 = createHash("sha256").update(bytes).digest("hex");
const file = { purl: "pkg:generic/thing@1", name: "thing.bin", sha256, size: bytes.length };
const wrong = Buffer.from(bytes).fill(0, 5, 9);

async function setUp(t: Test, registries: Registries, more: Partial<FetcherOptions> = {}) {
  const store = await openStore(t.testdir());
  const logs: string[] = [];
  const fetcher = createFetcher({
    store,
    registries: async () => registries,
    proxies: {},
    offline: false,
    log: (message) => logs.push(message),
    tries: 3,
    retryDelayMs: 1,
    ...more,
  });
  const controller = new AbortController();
  const progress: number[] = [];
  const fetch = (one: Partial<typeof file> & { path?: string; supplied?: string } = {}) =>
    fetcher.fetchBlob({ ...file, ...one }, { signal: controller.signal, progress: (done) => progress.push(done) });
  return { store, logs, fetcher, controller, progress, fetch };
}

const at = (url: string): Registries => ({ deb: [], override: url });
const blobs = (store: Store) => readdirSync(join(store.root, "blobs"));
const part = (store: Store) => `${blobPath(store, sha256)}.part`;

t.test("a file is fetched once", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { store, fetch, progress, logs } = await setUp(t, at(server.url));
  await fetch();
  await fetch();
  t.same(readFileSync(blobPath(store, sha256)), bytes);
  t.same(blobs(store), [sha256]);
  t.same(
    server.seen.map(({ url, range }) => [url, range]),
    [["/thing.bin", undefined]],
  );
  t.equal(progress.at(-1), bytes.length);
  t.same(logs, []);
});

t.test("a download that was cut goes on where it stopped", async (t) => {
  const server = await fileServer(t, (request, response, count) =>
    (count === 0 ? cutAfter(bytes, 100_000) : withRanges(bytes))(request, response, count),
  );
  const { store, fetch, logs } = await setUp(t, at(server.url));
  await fetch();
  t.same(readFileSync(blobPath(store, sha256)), bytes);
  t.same(
    server.seen.map(({ range }) => range),
    [undefined, "bytes=100000-"],
  );
  t.equal(logs.length, 1);
  t.match(logs[0], /^thing\.bin: .*; try 2 of 3 in 0\.001 s$/);
});

t.test("a part that an earlier run left is continued", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { store, fetch } = await setUp(t, at(server.url));
  writeFileSync(part(store), bytes.subarray(0, 299_999));
  await fetch();
  t.same(
    server.seen.map(({ range }) => range),
    ["bytes=299999-"],
  );
  t.same(blobs(store), [sha256]);
});

t.test("a part that was whole needs no server", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { store, fetch } = await setUp(t, at(server.url));
  writeFileSync(part(store), bytes);
  await fetch();
  t.same(server.seen, []);
  t.same(blobs(store), [sha256]);
});

t.test("a damaged part is fetched again from its beginning", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  for (const length of [1000, bytes.length]) {
    const { store, fetch } = await setUp(t, at(server.url));
    writeFileSync(part(store), Buffer.alloc(length));
    await fetch();
    t.same(readFileSync(blobPath(store, sha256)), bytes);
  }
  t.same(
    server.seen.map(({ range }) => range),
    ["bytes=1000-", undefined, undefined],
  );
});

t.test("a server without ranges sends it all, and that is what is kept", async (t) => {
  const server = await fileServer(t, (_request, response) => response.end(bytes));
  const { store, fetch } = await setUp(t, at(server.url));
  writeFileSync(part(store), bytes.subarray(0, 1000));
  await fetch();
  t.same(readFileSync(blobPath(store, sha256)), bytes);
});

t.test("416: what was there did not fit", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { store, fetch } = await setUp(t, at(server.url));
  writeFileSync(part(store), Buffer.alloc(bytes.length + 10));
  await fetch();
  t.same(
    server.seen.map(({ range }) => range),
    [`bytes=${bytes.length + 10}-`, undefined],
  );
  t.same(readFileSync(blobPath(store, sha256)), bytes);
});

t.test("other bytes than the pinned are refused and not kept", async (t) => {
  const server = await fileServer(t, withRanges(wrong));
  const { store, fetch } = await setUp(t, at(server.url));
  await t.rejects(fetch(), {
    code: "ERR_EDGEIMG_FETCH_HASH",
    message: "thing.bin (pkg:generic/thing@1) is not the pinned file.",
    details: [`expected sha256 ${sha256}`, `received sha256 ${createHash("sha256").update(wrong).digest("hex")}`],
  });
  t.same(blobs(store), []);
  t.equal(server.seen.length, 1, "trying again would not help");
});

t.test("more bytes than the pinned are refused while they arrive", async (t) => {
  const server = await fileServer(t, (_request, response) => {
    const pour = () => {
      while (!response.destroyed && response.write(bytes));
      response.once("drain", pour);
    };
    pour();
  });
  const { store, fetch } = await setUp(t, at(server.url));
  await t.rejects(fetch(), {
    code: "ERR_EDGEIMG_FETCH_HASH",
    details: [`more than the pinned ${bytes.length} bytes arrived`],
  });
  t.same(blobs(store), []);
});

t.test("404 and 410: the registry does not have it, and is not asked again", async (t) => {
  for (const status of [404, 410]) {
    const server = await fileServer(t, (_request, response) => response.writeHead(status).end("a page ".repeat(1e5)));
    const { fetch, store } = await setUp(t, at(server.url));
    await t.rejects(fetch(), {
      code: "ERR_EDGEIMG_FETCH_MISSING",
      message: "The registry does not have thing.bin (pkg:generic/thing@1).",
      hint: /edgeimg lock --update/,
    });
    t.equal(server.seen.length, 1);
    t.same(blobs(store), []);
  }
});

t.test("5xx is tried again, each time after a longer while, then given up", async (t) => {
  const server = await fileServer(t, (_request, response) => response.writeHead(503).end("busy ".repeat(1e5)));
  const { fetch, logs } = await setUp(t, at(server.url));
  await t.rejects(fetch(), {
    code: "ERR_EDGEIMG_FETCH_UNREACHABLE",
    message: "thing.bin (pkg:generic/thing@1) could not be fetched: the server answered 503.",
  });
  t.equal(server.seen.length, 3);
  t.same(logs, [
    "thing.bin: the server answered 503; try 2 of 3 in 0.001 s",
    "thing.bin: the server answered 503; try 3 of 3 in 0.002 s",
  ]);
});

t.test("5xx that passes is no failure", async (t) => {
  const server = await fileServer(t, (request, response, count) =>
    count < 2 ? response.writeHead(502).end() : withRanges(bytes)(request, response, count),
  );
  const { fetch, store } = await setUp(t, at(server.url));
  await fetch();
  t.same(blobs(store), [sha256]);
});

t.test("nobody listens", async (t) => {
  const { fetch } = await setUp(t, at("http://127.0.0.1:1"), { tries: 2 });
  await t.rejects(fetch(), { code: "ERR_EDGEIMG_FETCH_UNREACHABLE", message: /could not be fetched: .*ECONNREFUSED/ });
});

t.test("offline: what is in the store is enough, all else is refused without asking", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { fetch, store, fetcher, controller } = await setUp(t, at(server.url), { offline: true });
  const refused = {
    code: "ERR_EDGEIMG_FETCH_OFFLINE",
    message: "thing.bin (pkg:generic/thing@1) is not in the store, and --offline forbids fetching it.",
  };
  await t.rejects(fetch(), refused);
  await t.rejects(fetcher.pin(file, { signal: controller.signal }), refused);
  writeFileSync(blobPath(store, sha256), bytes);
  await fetch();
  t.same(server.seen, []);
});

t.test("a damaged blob is fetched again", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { fetch, store } = await setUp(t, at(server.url));
  writeFileSync(blobPath(store, sha256), wrong);
  await fetch();
  t.same(readFileSync(blobPath(store, sha256)), bytes);
});

t.test("redirects are followed, absolute and relative ones, but not for ever", async (t) => {
  const second = await fileServer(t, withRanges(bytes));
  const first = await fileServer(t, (request, response) => {
    const to = request.url === "/thing.bin" ? "deeper/file" : `${second.url}/elsewhere`;
    response.writeHead(request.url === "/thing.bin" ? 302 : 307, { location: to }).end("moved ".repeat(1e5));
  });
  const { fetch, store } = await setUp(t, at(first.url));
  writeFileSync(part(store), bytes.subarray(0, 10));
  await fetch();
  t.same(
    first.seen.map(({ url }) => url),
    ["/thing.bin", "/deeper/file"],
  );
  t.same(
    second.seen.map(({ url, range }) => [url, range]),
    [["/elsewhere", "bytes=10-"]],
  );
  const loop = await fileServer(t, (_request, response) => response.writeHead(301, { location: "/thing.bin" }).end());
  const lost = await setUp(t, at(loop.url), { tries: 1 });
  await t.rejects(lost.fetch(), { code: "ERR_EDGEIMG_FETCH_UNREACHABLE", message: /the server answered 301/ });
});

t.test("a proxy of the settings is asked, and not for hosts that need none", async (t) => {
  const proxy = await fileServer(t, withRanges(bytes));
  const behind = "http://registry.invalid/files";
  const { fetch, store } = await setUp(t, at(behind), { proxies: { http: proxy.url } });
  await fetch();
  t.same(blobs(store), [sha256]);
  t.match(proxy.seen, [{ method: "GET", url: "http://registry.invalid/files/thing.bin" }]);
  const direct = await fileServer(t, withRanges(bytes));
  const other = await setUp(t, at(direct.url), { proxies: { http: proxy.url, none: "127.0.0.1" } });
  await other.fetch();
  t.equal(direct.seen.length, 1);
  t.equal(proxy.seen.length, 1);
});

t.test("for HTTPS a proxy is asked for a tunnel", async (t) => {
  const asked: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on("connect", (request, socket) => {
    asked.push(request.url);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.teardown(() => proxy.close());
  const address = proxy.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { fetch } = await setUp(t, at("https://registry.invalid/files"), {
    proxies: { https: `http://127.0.0.1:${port}` },
    tries: 1,
  });
  await t.rejects(fetch(), { code: "ERR_EDGEIMG_FETCH_UNREACHABLE", message: /Proxy response \(403\)/ });
  t.same(asked, ["registry.invalid:443"]);
});

t.test("several Debian mirrors: the next one when one fails or has other bytes", async (t) => {
  const answers: Answer[] = [
    (_request, response) => response.writeHead(404).end(),
    (_request, response) => response.writeHead(500).end(),
    withRanges(bytes),
  ];
  const servers = await Promise.all(answers.map((answer) => fileServer(t, answer)));
  const deb = servers.map(({ url }) => `${url}/debian/`);
  const { fetch } = await setUp(t, { deb });
  await fetch({ purl: "pkg:deb/debian/thing@1?arch=arm64", path: "pool/main/t/thing_1_arm64.deb" });
  t.same(
    servers.map(({ seen }) => seen.map(({ url }) => url)),
    servers.map(() => ["/debian/pool/main/t/thing_1_arm64.deb"]),
  );
});

t.test("without any Debian mirror the remedy is named", async (t) => {
  const { fetch } = await setUp(t, { deb: [] });
  await t.rejects(fetch({ purl: "pkg:deb/debian/thing@1?arch=arm64", path: "pool/thing.deb" }), {
    code: "ERR_EDGEIMG_FETCH_UNREACHABLE",
    message: "No mirror is known for thing.bin (pkg:deb/debian/thing@1?arch=arm64).",
    hint: /EDGEIMG_DEBIAN_MIRROR/,
  });
});

t.test("pin tells what a file is and keeps it", async (t) => {
  const server = await fileServer(t, withRanges(bytes));
  const { fetcher, store, controller, fetch } = await setUp(t, at(server.url));
  t.same(await fetcher.pin(file, { signal: controller.signal }), { sha256, size: bytes.length });
  t.same(blobs(store), [sha256]);
  await fetch();
  t.equal(server.seen.length, 1);
});

t.test("pin does not build on what an earlier try left", async (t) => {
  const server = await fileServer(t, (request, response, count) =>
    (count === 0 ? cutAfter(wrong, 1000) : withRanges(bytes))(request, response, count),
  );
  const first = await setUp(t, at(server.url), { tries: 1 });
  await t.rejects(first.fetcher.pin(file, { signal: first.controller.signal }), {
    code: "ERR_EDGEIMG_FETCH_UNREACHABLE",
  });
  const again = await first.fetcher.pin(file, { signal: first.controller.signal });
  t.equal(again.sha256, sha256);
});

t.test("a stopped download keeps its part", async (t) => {
  const server = await fileServer(t, (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 200_000));
  });
  const { fetch, controller, store, progress } = await setUp(t, at(server.url));
  const fetching = fetch();
  while ((progress.at(-1) ?? 0) < 200_000) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(new Error("stopped"));
  await t.rejects(fetching, { message: "stopped" });
  t.ok(statSync(part(store)).size > 0);
  t.ok(statSync(part(store)).size <= 200_000);
});

t.test("two processes that want one file fetch it once", async (t) => {
  const server = await fileServer(t, (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 1000));
    setTimeout(() => response.end(bytes.subarray(1000)), 300);
  });
  const root = t.testdir({ cache: {} });
  const script = await bundleChild(new URL("fetch-file.ts", import.meta.url), root);
  const args = [join(root, "cache"), server.url, file.name, sha256, String(bytes.length)];
  const children = [1, 2].map(() => startChild(script, args));
  t.same(await Promise.all(children.map(({ ended }) => ended)), [0, 0]);
  t.equal(server.seen.length, 1);
});

t.test("a process killed in the middle of a download: the next continues it", async (t) => {
  const server = await fileServer(t, (request, response, count) => {
    if (count > 0) return withRanges(bytes)(request, response, count);
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 150_000));
  });
  const root = t.testdir({ cache: {} });
  const script = await bundleChild(new URL("fetch-file.ts", import.meta.url), root);
  const args = [join(root, "cache"), server.url, file.name, sha256, String(bytes.length)];
  const killed = startChild(script, args);
  await killed.printed(/^150000$/);
  killed.process.kill("SIGKILL");
  await killed.ended;
  const next = startChild(script, args);
  t.equal(await next.ended, 0);
  t.match(server.seen[1]?.range, /^bytes=[1-9]\d*-$/);
  t.same(readFileSync(blobPath(await openStore(join(root, "cache")), sha256)), bytes);
});

t.test("a blob is placed as a link", async (t) => {
  const { store } = await setUp(t, { deb: [] });
  writeFileSync(blobPath(store, sha256), bytes);
  mkdirSync(join(store.root, "work/x"));
  await placeBlob(store, sha256, join(store.root, "work/x/thing"));
  t.equal(statSync(join(store.root, "work/x/thing")).ino, statSync(blobPath(store, sha256)).ino);
  await t.rejects(placeBlob(store, "0".repeat(64), join(store.root, "work/x/none")), { code: "ENOENT" });
  t.equal(existsSync(join(store.root, "work/x/none")), false);
});

t.test(
  "a file that only the user can get is taken from their folder by its hash, and said to be missing otherwise",
  async (t) => {
    const server = await fileServer(t, withRanges(bytes));
    const given = join(t.testdirName, "given");
    const { store, fetch } = await setUp(t, at(server.url), { supplied: given, offline: true });
    const wanted = { supplied: "Its maker's site has it, behind a login." };
    await t.rejects(fetch(wanted), {
      code: "ERR_EDGEIMG_SOURCE_SUPPLY",
      details: [wanted.supplied, `sha256 ${sha256}, ${bytes.length} bytes`],
      hint: /given, under any name/,
    });
    mkdirSync(given);
    writeFileSync(join(given, "same size"), wrong);
    await t.rejects(fetch(wanted), { code: "ERR_EDGEIMG_SOURCE_SUPPLY" });
    writeFileSync(join(given, "as my browser named it (1)"), bytes);
    await fetch(wanted);
    t.same(readFileSync(blobPath(store, sha256)), bytes);
    t.same(server.seen, [], "no server was asked");
  },
);
