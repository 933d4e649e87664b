import { createServer } from "node:net";
import t from "tap";
import { runTests } from "../../../src/api/device/run-tests.js";
import { testsSchema } from "../../../src/config/tests-schema.js";

const ready = { index: 0, text: "ready", milestone: { name: "ready", fields: { edgeimg: "ready" } } };

t.test("no request is made where the emulator hands nothing on, and that is told", async (t) => {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    t.teardown(() => socket.destroy());
  });
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const outcome = await runTests({
    board: {
      waitFor: async () => ready,
      seen: () => [ready],
      httpPort: address !== null && typeof address === "object" ? address.port : 0,
    },
    tests: testsSchema.parse({ http: [{ get: "/", status: 200 }] }),
    localPath: (path) => path,
    signal: new AbortController().signal,
    now: () => 0,
    patienceMs: 500,
  });
  t.match(outcome, {
    network: false,
    checks: [
      { name: "the app starts", passed: true },
      { name: "GET /", passed: false, detail: /network hands nothing on/ },
    ],
  });
});
