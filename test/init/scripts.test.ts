import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { readEntry } from "../../src/catalog/catalog.js";
import { initRecipe } from "../../src/catalog/init.js";

const folder = fileURLToPath(new URL("../../recipes/init/", import.meta.url));
const init = await readEntry(initRecipe, `${folder}recipe.yaml`);
const scripts = [
  "initramfs/init",
  ...readdirSync(`${folder}rootfs/usr/lib/edgeimg`).map((name) => `rootfs/usr/lib/edgeimg/${name}`),
];

/** Words that stand where a shell expects a command, outside of strings and comments; good enough for our own scripts. */
function commands(text: string): Set<string> {
  const plain = text
    .replace(/^\s*#.*$/gm, "")
    .replace(/\\\n/g, " ")
    // Arithmetic; patterns of `case`.
    .replace(/\$\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)/g, "0")
    .replace(/^\s*[^()\n]+\)/gm, "")
    .replace(/'[^']*'/g, "''");
  const found = plain.matchAll(
    /(?<=(?:^|[;|&({]|\bdo\b|\bthen\b|\belse\b|\buntil\b|\bwhile\b|\bif\b|\bexec\b|!)[ \t]*)(?<![\w-])([a-z][a-z0-9_-]*)(?=[\s;)]|$)/gm,
  );
  return new Set([...found].map(([, word]) => word ?? ""));
}

/** The shell's own words, and those with which it is programmed. */
const shell = new Set([
  "break",
  "case",
  "cd",
  "continue",
  "do",
  "done",
  "echo",
  "elif",
  "else",
  "esac",
  "exec",
  "exit",
  "export",
  "fi",
  "for",
  "if",
  "in",
  "printf",
  "read",
  "return",
  "set",
  "shift",
  "test",
  "then",
  "trap",
  "umask",
  "until",
  "while",
]);

for (const name of scripts) {
  t.test(name, async (t) => {
    const text = readFileSync(`${folder}${name}`, "utf8");
    execFileSync("sh", ["-n", `${folder}${name}`]);
    if (!name.endsWith(".sh")) {
      t.match(text, /^#!\/bin\/sh\n/);
      t.ok((statSync(`${folder}${name}`).mode & 0o111) !== 0, "is executable");
    }
    const own = new Set([...text.matchAll(/^([a-z_0-9]+)\(\)/gm)].map(([, word]) => word ?? ""));
    const shared = new Set(name.startsWith("rootfs/") ? ["say", "flag", "uptime_ms", "take_settings"] : []);
    const applets = new Set(name.startsWith("rootfs/") ? init.applets.rootfs : init.applets.initramfs);
    const unknown = [...commands(text)].filter(
      (word) => ![own, shared, applets, shell].some((known) => known.has(word)),
    );
    t.same(unknown, [], "every command is an applet of the image");
  });
}

t.test(
  "programs that come with packages are called by their full path, as busybox's shell prefers its own",
  async (t) => {
    for (const name of scripts) {
      const text = readFileSync(`${folder}${name}`, "utf8").replace(/^\s*#.*$/gm, "");
      t.notMatch(text, /(?<![\w/.-])(?:mke2fs|e2fsck|resize2fs|dropbear|dropbearkey) -/, name);
    }
  },
);
