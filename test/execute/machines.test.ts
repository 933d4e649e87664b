import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { imageOf, toyBuild } from "../helpers/toy-build.js";

const ends = (lines: readonly string[]) => lines.filter((line) => line.startsWith("end ")).sort();

t.test("folder, time zone, language, umask, home and variables do not show in any step's bytes", async (t) => {
  const { root, build } = await toyBuild(t);
  const one = build("one", { TZ: "UTC", LANG: "C", HOME: "/nonexistent" });
  t.equal(await one.ended, 0);
  const before = process.umask(0o077);
  const other = build("an other/place", {
    TZ: "Pacific/Kiritimati",
    LANG: "tr_TR.UTF-8",
    LC_ALL: "tr_TR.UTF-8",
    HOME: root,
    SOURCE_DATE_EPOCH: "1",
    TMPDIR: root,
    IFS: "x",
  });
  process.umask(before);
  t.equal(await other.ended, 0);
  t.equal(ends(one.lines).length, 6);
  t.same(ends(other.lines), ends(one.lines));
});

t.test("two builds at once in two processes: the same bytes, each step made once", async (t) => {
  const { build } = await toyBuild(t);
  const builds = [build("shared"), build("shared")];
  t.same(await Promise.all(builds.map(({ ended }) => ended)), [0, 0]);
  const [one = [], two = []] = builds.map(({ lines }) => lines);
  t.same(ends(one), ends(two));
  const starts = [...one, ...two].filter((line) => line.startsWith("start ") && line !== "start tools").sort();
  t.same(starts, ["start archive", "start built", "start image", "start source", "start texts"]);
});

/** Runs a shell script in a mount namespace of its own, where even a plain user may mount. */
async function unshared(script: string, args: readonly string[]): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn("unshare", ["-U", "-r", "-m", "sh", "-c", script, "sh", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const code = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(-1));
    child.on("close", resolve);
  });
  return { code, lines };
}

const mount = 'mount -t tmpfs -o size=8m tmpfs "$1" || exit 99';

const trial = mkdtempSync(join(tmpdir(), "edgeimg-mount-"));
const canMount = (await unshared(mount, [trial])).code === 0;
rmSync(trial, { recursive: true });
const skip = canMount ? false : "this machine lets nobody mount a tmpfs";

t.test("a full disk: a clear error at every size, and right bytes once there is room", { skip }, async (t) => {
  const { root, build, command } = await toyBuild(t);
  const small = join(root, "small");
  mkdirSync(small);
  const clean = build("clean");
  t.equal(await clean.ended, 0);
  // Filled but for some KiB; later the filling is taken away.
  const script = `${mount}; disk=$1; head -c "$2" /dev/zero > "$disk/filling"; shift 2; "$@"; rm "$disk/filling"; exec "$@"`;
  const seen: (string | undefined)[] = [];
  for (const kilobytes of [100, 400, 1000, 1500]) {
    const { code, lines } = await unshared(script, [small, String(8 * 2 ** 20 - kilobytes * 1024), ...command(small)]);
    t.equal(code, 0, `${kilobytes} KiB, then room`);
    t.equal(imageOf(lines), imageOf(clean.lines));
    const error = lines.find((line) => line.startsWith("error "));
    if (error !== undefined) t.match(error, /^error ERR_EDGEIMG_STORE_(FULL|UNWRITABLE)$/, `${kilobytes} KiB`);
    seen.push(error);
  }
  t.ok(seen.filter((error) => error === "error ERR_EDGEIMG_STORE_FULL").length >= 2, seen.join(", "));
});
