import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { pictures } from "../pictures/render.js";
import { assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";

type Event = Readonly<Record<string, unknown>>;

const folder = await scratchFolder("run-host");
const program = await packedProgram(folder);
const project = join(folder, "reader");
let child: ChildProcess | undefined;
t.teardown(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** What a run with --json says, and how to wait for more of it. */
function listen(process: ChildProcess): (fits: (event: Event) => boolean) => Promise<Event> {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  let seen = 0;
  let ended = false;
  const look = (): void => {
    for (const one of waiting) one();
  };
  if (process.stdout === null) throw new Error("no stdout");
  createInterface({ input: process.stdout }).on("line", (line) => {
    events.push(JSON.parse(line));
    look();
  });
  process.once("close", () => {
    ended = true;
    look();
  });
  // The first one after the last that was waited for.
  return (fits) =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const at = events.findIndex((event, index) => index >= seen && fits(event));
        if (at < 0 && !ended) return;
        waiting.delete(check);
        if (at < 0)
          reject(
            new Error(
              `it ended without that:\n${events
                .slice(-15)
                .map((one) => JSON.stringify(one))
                .join("\n")}`,
            ),
          );
        seen = at + 1;
        resolve(events[at] ?? {});
      };
      waiting.add(check);
      check();
    });
}

const isMilestone = (name: string) => (event: Event) => event.type === "milestone" && event.name === name;
const isType = (type: string) => (event: Event) => event.type === type;

/** Command lines of processes that have to do with the project. */
function processesOf(path: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return line.includes(path) ? [line] : [];
    } catch {
      return [];
    }
  });
}

t.test(
  "run --host: the example reads on this machine, anew after each change, and leaves nothing behind",
  async (t) => {
    assertCode(t, await edgeimg(program, ["init", project], { cwd: folder }), 0);
    const scripts = JSON.parse(await readFile(join(project, "package.json"), "utf8")).scripts;
    t.equal(scripts.dev, "edgeimg run --host");
    const running = spawn(process.execPath, [program, "run", "--host", "--json"], {
      cwd: project,
      env: { ...process.env, CI: "true" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    child = running;
    const next = listen(running);

    const { url } = await next(isType("app-started"));
    t.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    t.match(await next(isMilestone("model-loaded")), { fields: { engine: "onnxruntime" } });
    await next(isMilestone("ready"));
    const get = async (path: string) => (await fetch(`${url}${path}`)).text();
    const picture = await readFile(join(project, "assets/pictures/02.png"));
    const read = await fetch(`${url}read`, { method: "POST", body: picture, headers: { "content-type": "image/png" } });
    t.match(await read.json(), { text: "Breakfast\n7:30-10:45" });
    for (const { name, text, type, render } of pictures) {
      const sent = { method: "POST", body: await render(), headers: { "content-type": type } };
      t.match(await (await fetch(`${url}read`, sent)).json(), { text }, name);
    }
    t.match(JSON.parse(await get("about")), { board: "host" });
    await t.rejects(
      fetch(String(url).replace("127.0.0.1", "127.0.0.2")),
      "nothing but the one address of this machine",
    );

    const server = join(project, "src/server.ts");
    const text = await readFile(server, "utf8");
    t.ok(text.includes('status: "ok"'));
    await writeFile(server, text.replace('status: "ok"', 'status: "changed"'));
    t.match(await next(isType("app-started")), { url, changed: ["src/server.ts"] });
    await next(isMilestone("ready"));
    t.match(JSON.parse(await get("health")), { status: "changed" });

    const main = join(project, "src/main.ts");
    const lines = (await readFile(main, "utf8")).split("\n").length;
    await appendFile(main, "const wrong: = 1;\n");
    t.match(await next(isType("app-kept")), {
      changed: ["src/main.ts"],
      isRunning: true,
      problem: { code: "ERR_EDGEIMG_APP_BUNDLE", place: { file: "src/main.ts", line: lines, column: 14 } },
    });
    t.match(JSON.parse(await get("health")), { status: "changed" }, "the app goes on");
    await writeFile(
      main,
      (await readFile(main, "utf8")).replace("const wrong: = 1;", 'export const wrong: number = "1";'),
    );
    t.match(await next(isType("app-kept")), {
      problem: { code: "ERR_EDGEIMG_APP_TYPES", place: { file: "src/main.ts", line: lines, column: 14 } },
    });
    const yaml = join(project, "edgeimg.yaml");
    const settings = await readFile(yaml, "utf8");
    await writeFile(yaml, `${settings}unknown: 1\n`);
    t.match(await next(isType("app-kept")), {
      problem: {
        code: "ERR_EDGEIMG_CONFIG_INVALID",
        place: { file: "edgeimg.yaml", line: settings.split("\n").length },
      },
    });
    t.match(JSON.parse(await get("health")), { status: "changed" });

    const ofProject = processesOf(join(project, "out/host/data"));
    t.equal(ofProject.length, 1, "one app runs");
    running.kill("SIGINT");
    const [code] = await once(running, "close");
    t.equal(code, 130);
    t.same(processesOf(join(project, "out/host/data")), [], "and none afterwards");
    await t.rejects(fetch(`${url}health`));
  },
);
