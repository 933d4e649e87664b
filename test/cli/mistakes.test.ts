import t from "tap";
import { commands } from "../../src/cli/commands/index.js";
import { runFake } from "./fake-api.js";

const mistakes: readonly (readonly [readonly string[], string, string])[] = [
  [["bild"], "unknown command 'bild'", "Did you mean build?"],
  [["frobnicate"], "unknown command 'frobnicate'", "`edgeimg --help` and `edgeimg COMMAND --help` show what there is."],
  [["build", "--bord", "rpi4"], "unknown option '--bord'", "Did you mean --board?"],
  [
    ["build", "rpi4"],
    "too many arguments for 'build'. Expected 0 arguments but got 1.",
    "`edgeimg --help` and `edgeimg COMMAND --help` show what there is.",
  ],
  [
    ["build", "--jobs", "none"],
    "option '-j, --jobs <n>' argument 'none' is invalid. It must be a whole number from 1 to 1024.",
    "`edgeimg --help` and `edgeimg COMMAND --help` show what there is.",
  ],
  [
    ["build", "--board"],
    "option '-b, --board <name>' argument missing",
    "`edgeimg --help` and `edgeimg COMMAND --help` show what there is.",
  ],
  [
    ["cache", "clean"],
    "command-argument value 'clean' is invalid for argument 'action'. Allowed choices are list, size, prune, verify, export, import.",
    "`edgeimg --help` and `edgeimg COMMAND --help` show what there is.",
  ],
  [["cache", "import"], "cache import needs the name of a file.", "edgeimg cache import site.tar"],
  [["cache", "size", "x"], "cache size takes no file.", "edgeimg cache size"],
  [
    ["cache"],
    "missing required argument 'action'",
    "`edgeimg --help` and `edgeimg COMMAND --help` show what there is.",
  ],
];

for (const [words, message, hint] of mistakes) {
  t.test(`mistake: edgeimg ${words.join(" ")}`, async (t) => {
    const plain = await runFake(words, {});
    t.equal(plain.code, 1);
    t.equal(plain.stdout, "");
    t.equal(
      plain.stderr,
      `error ERR_EDGEIMG_USAGE: ${message}\n  help: ${hint}\n  more: edgeimg explain ERR_EDGEIMG_USAGE\n`,
    );
    const json = await runFake([...words.slice(0, 1), "--json", ...words.slice(1)], {});
    t.equal(json.code, 1);
    t.equal(json.stderr, "");
    t.same(JSON.parse(json.stdout), { type: "error", code: "ERR_EDGEIMG_USAGE", message, hint, exitCode: 1 });
  });
}

t.test("every command's --help has its flags and examples", async (t) => {
  for (const command of commands) {
    const listExamples = async () => [{ name: "siren", summary: "howls at noon" }];
    const { code, stdout, stderr } = await runFake([command.name, "--help"], { listExamples });
    t.same([code, stderr], [0, ""], command.name);
    t.match(stdout, /\nExamples:\n {2}/, command.name);
    for (const flag of command.flags) t.match(stdout, `--${flag.name}`);
    t.equal(/siren {2}howls at noon \(default\)/.test(stdout), command.name === "init");
  }
});
