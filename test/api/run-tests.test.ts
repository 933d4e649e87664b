import { createServer } from "node:net";
import t from "tap";
import { runTests } from "../../src/api/run-tests.js";
import { testsSchema } from "../../src/config/tests-schema.js";

const ready = { index: 0, text: "ready", milestone: { name: "ready", fields: { edgeimg: "ready" } } };

t.test("a request that the emulator does not hand on is told as a stopped network, not as a failed test", async (t) => {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    t.teardown(() => socket.destroy());
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await t.rejects(
    runTests({
      board: {
        waitFor: async () => ready,
        seen: () => [ready],
        httpPort: address !== null && typeof address === "object" ? address.port : 0,
      },
      tests: testsSchema.parse({ http: [{ get: "/", status: 200 }] }),
      localPath: (path) => path,
      signal: new AbortController().signal,
      now: () => 0,
      network: { everyMs: 50, patienceMs: 500 },
    }),
    { code: "ERR_EDGEIMG_DEVICE_NETWORK", exitCode: 2 },
  );
});
