import { createServer, type Server, type Socket } from "node:net";
import t, { type Test } from "tap";
import { isNetworkStalled } from "../../src/device/network-probe.js";

const options = { signal: new AbortController().signal, patienceMs: 700 };

/** A server on a free port; `use` gets each connection, which reads nothing by itself. */
async function serve(t: Test, use: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ pauseOnConnect: true }, (socket) => {
    t.teardown(() => socket.destroy());
    use(socket.on("error", () => {}));
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

t.test("a byte that nobody takes is a network that has stopped", async (t) => {
  t.equal(await isNetworkStalled(await serve(t, () => {}), options), true);
});

t.test("a byte that is taken is not, even without an answer", async (t) => {
  t.equal(await isNetworkStalled(await serve(t, (socket) => void socket.resume()), options), false);
});

t.test("nor is a port that nobody listens on", async (t) => {
  t.equal(await isNetworkStalled(1, options), false);
});
