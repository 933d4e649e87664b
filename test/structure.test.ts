import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

/**
 * The rooms of src/ in the order in which docs/architecture.md lists them, the top one first: a file may import from its own room and from
 * rooms below it. That allows no circle between rooms.
 */
const home = fileURLToPath(new URL("../", import.meta.url));
const page = readFileSync(join(home, "docs/architecture.md"), "utf8");
const rooms = [...page.matchAll(/^\| `src\/([a-z/-]+(?:\.ts)?)\/?` \|/gm)].map(([, room]) =>
  (room ?? "").replace(/\/$/, ""),
);
const files = readdirSync(join(home, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

/** The longest listed room that a file lies in. */
function roomOf(file: string): string | undefined {
  const fits = rooms.filter((room) => file === room || file.startsWith(`${room}/`));
  return fits.sort((a, b) => b.length - a.length)[0];
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(home, "src", file), "utf8");
  const found = text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g);
  return [...found].map(([, path = ""]) => `${normalize(join(dirname(file), path))}.ts`);
}

t.test("every file lies in a room that the architecture names, every room has files", async (t) => {
  t.ok(rooms.length >= 20, `${rooms.length} rooms`);
  t.equal(new Set(rooms).size, rooms.length, "each once");
  t.same(
    files.filter((file) => roomOf(file) === undefined),
    [],
  );
  t.same(
    rooms.filter((room) => !files.some((file) => roomOf(file) === room)),
    [],
  );
});

t.test("no import leads up", async (t) => {
  const up = files.flatMap((file) => {
    const from = rooms.indexOf(roomOf(file) ?? "");
    return importsOf(file).flatMap((path) => (rooms.indexOf(roomOf(path) ?? "") < from ? [`${file} -> ${path}`] : []));
  });
  t.same(up, []);
  t.ok(
    files.some((file) => importsOf(file).some((path) => roomOf(path) !== roomOf(file))),
    "imports between rooms are seen at all",
  );
});

t.test("what the core must not do by itself: print, read the environment or the clock, ask for chance", async (t) => {
  const outside = /^(?:cli|ground\/home)/;
  // Which of two processes that want the same lock waits longer decides no byte of any result.
  const allowed = new Set(["store/lock.ts: Math.random"]);
  const found = files.flatMap((file) => {
    if (outside.test(file)) return [];
    const text = readFileSync(join(home, "src", file), "utf8").replace(/^\s*(?:\/\/|\*|\/\*).*$|"[^"\n]*"/gm, "");
    return [
      ...text.matchAll(
        /\b(?:console\.\w+\(|process\.env\b|process\.stdout|Math\.random|Date\.now|performance\.now|new Date\(\))/g,
      ),
    ]
      .map(([what]) => `${file}: ${what}`)
      .filter((one) => !allowed.has(one));
  });
  t.same(found, []);
});

/** A file's text without comments. */
function codeOf(file: string): string {
  return readFileSync(join(home, "src", file), "utf8").replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
}

t.test("architectures are told apart in one table", async (t) => {
  const words = /\b(?:amd64|arm64|armhf|aarch64|x86_64|riscv\w*|gnueabihf|BR2_aarch64|BR2_arm)\b/g;
  const found = files.flatMap((file) => [...codeOf(file).matchAll(words)].map(([word]) => `${file}: ${word}`));
  t.ok(found.length > 10, "the table itself is seen");
  t.same(
    found.filter((one) => !one.startsWith("catalog/architecture.ts: ")),
    [],
  );
});

t.test("programs are started in one room", async (t) => {
  const starters = files.filter((file) => /"(?:node:)?child_process"|"execa"|"cross-spawn"/.test(codeOf(file)));
  t.ok(starters.length > 0, "they are seen");
  t.same(
    starters.filter((file) => !file.startsWith("process/")),
    [],
  );
});
