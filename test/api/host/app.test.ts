import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { appCommand, startApp } from "../../../src/api/host/app.js";
import type { HostBuild } from "../../../src/api/host/build.js";
import { architectures } from "../../../src/catalog/architecture.js";
import type { BuildEvent } from "../../../src/ground/events.js";
import { requestFor } from "../../helpers/image-request.js";

async function buildIn(folder: string, trees: Record<string, string>): Promise<HostBuild> {
  return { request: await requestFor(folder, { board: "rpi4", engine: "ncnn" }), trees, key: "" };
}

t.test(
  "the app finds its folders and one port where it has them on a board, and nothing of this machine",
  async (t) => {
    const trees = { app: "/s/app", models: "/s/models", engine: "/s/engine", runtime: "/s/run", sysroot: "/s/root" };
    const build = await buildIn(t.testdir(), trees);
    const { loader } = architectures[build.request.host.arch];
    const { command, env } = appCommand(build, { data: "/p/data", tmp: "/t", port: 8080 });
    t.equal(command[0], `/s/root/root/${loader}`);
    const text = command.join(" ");
    t.match(
      text,
      " /s/run/edge-run --app /s/app/data/app --models /s/models/data/models --engine /s/engine/libedge_nn.so --data /p/data --tmp /t --writable /data/app --writable /tmp --env-file /dev/null --address 127.0.0.1 --map-port 80=8080",
    );
    t.same(env, { HOME: "/data/app", TMPDIR: "/tmp", EDGEIMG_BOARD: "host", TZ: "UTC", LEVEL: "3" });
    const { models: _, ...without } = trees;
    t.notMatch(
      appCommand({ ...build, trees: without }, { data: "/d", tmp: "/t", port: 1 }).command.join(" "),
      /--models/,
    );
  },
);

/** A root whose "loader" is a shell script in the place of edge-run. */
async function fakeBuild(folder: string, script: string): Promise<HostBuild> {
  const build = await buildIn(folder, { sysroot: join(folder, "tree"), app: "/a", engine: "/e", runtime: "/r" });
  const loader = join(folder, "tree/root", architectures[build.request.host.arch].loader);
  mkdirSync(join(loader, ".."), { recursive: true });
  mkdirSync(join(folder, "data/app"), { recursive: true });
  writeFileSync(loader, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return build;
}

t.test("what the app writes is told by lines, its milestones as such, and that it ended by itself", async (t) => {
  const folder = t.testdir({});
  const build = await fakeBuild(
    folder,
    `echo '{"edgeimg":"ready","uptimeMs":1}'; printf 'half' ; echo 'of a line' ; echo oops >&2; pwd; exit 3`,
  );
  const events: BuildEvent[] = [];
  const ended = new Promise<void>((resolve) => {
    startApp(build, { data: join(folder, "data"), tmp: folder, port: 1 }, (event) => {
      events.push(event);
      if (event.type === "app-ended") resolve();
    });
  });
  await ended;
  const lines = events.flatMap((event) => (event.type === "console" ? [event.line] : []));
  t.same(
    new Set(lines),
    new Set(['{"edgeimg":"ready","uptimeMs":1}', "halfof a line", "oops", join(folder, "data/app")]),
  );
  t.match(
    events.find(({ type }) => type === "milestone"),
    { name: "ready" },
  );
  t.same(events.at(-1), { type: "app-ended", reason: "exit code 3" });
});

t.test("it is asked to end, with all that it started, and that is no end by itself", async (t) => {
  const folder = t.testdir({});
  const build = await fakeBuild(folder, `trap 'echo bye; exit 0' TERM; sleep 60 & echo up; wait`);
  const events: BuildEvent[] = [];
  const app = await new Promise<ReturnType<typeof startApp>>((resolve) => {
    const started = startApp(build, { data: join(folder, "data"), tmp: folder, port: 1 }, (event) => {
      events.push(event);
      if (event.type === "console" && event.line === "up") resolve(started);
    });
  });
  t.equal(app.isRunning(), true);
  await app.stop();
  t.equal(app.isRunning(), false);
  t.same(events, [
    { type: "console", line: "up" },
    { type: "console", line: "bye" },
  ]);
  await app.stop();
});
