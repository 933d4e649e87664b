import { execFileSync } from "node:child_process";
import t from "tap";
import { listBoards } from "../../src/api/session/catalog.js";
import { commands } from "../../src/cli/commands/index.js";
import { completions } from "../../src/cli/complete.js";
import { testContext } from "../helpers/image-request.js";
import { runFake } from "./fake-api.js";

const home = new URL("../../", import.meta.url).pathname;

const sources = {
  commands,
  boards: async () => ["rpi3", "rpi4", "qemu-a53"],
  examples: async () => ["detector", "reader"],
  engines: async () => ["ncnn", "onnxruntime"],
  steps: async (words: readonly string[]) =>
    words.includes("rpi4") ? ["compile/edge-run", "compile/ncnn", "model/a"] : [],
};

const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["bu"], ["build", "buildroot"]],
  [["--v"], ["--version"]],
  [["build", "--bo"], ["--board"]],
  [
    ["build", "--board", "rpi"],
    ["rpi3", "rpi4"],
  ],
  [
    ["build", "-b", "rpi4", "-e", ""],
    ["ncnn", "onnxruntime"],
  ],
  [["build", "--out", ""], [":directories"]],
  [["build", "--config", "x"], [":files"]],
  [
    ["build", "-b", "rpi4", "--only", "compile"],
    ["compile/edge-run", "compile/ncnn"],
  ],
  [["plan", "--step", ""], []],
  [["build", ""], []],
  [["cache", "p"], ["prune"]],
  [["cache", "--older-than", "3", "v"], ["verify"]],
  [["cache", "import", ""], [":files"]],
  [["explain", "ERR_EDGEIMG_FETCH_H"], ["ERR_EDGEIMG_FETCH_HASH"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["init", ""], [":directories"]],
  [["init", "--example", "d"], ["detector"]],
  [["nonsense", ""], []],
];

for (const [words, expected] of cases) {
  t.test(words.join(" "), async (t) => {
    t.same(await completions(words, sources), expected);
  });
}

t.test("a flag that was given is not offered again", async (t) => {
  const offered = await completions(["build", "--offline", "--"], sources);
  t.notOk(offered.includes("--offline"));
  t.ok(offered.includes("--locked"));
});

t.test("the hidden command answers line by line, and says nothing when the catalog is broken", async (t) => {
  const boards = (await listBoards(testContext(home))).filter(({ name }) => name === "rpi4");
  const good = await runFake(["complete", "--", "build", "--board", ""], { listBoards: async () => boards });
  t.same([good.code, good.stdout], [0, "rpi4\n"]);
  const broken = await runFake(["complete", "--", "build", "--board", ""], {});
  t.same([broken.code, broken.stdout, broken.stderr], [0, "", ""]);
});

t.test("the bash script completes in bash", async (t) => {
  const { stdout } = await runFake(["completion", "bash"], {});
  const program = `
edgeimg() { printf '%s\\n' "$@" >&2; printf 'rpi3\\nrpi4\\n'; }
${stdout}
COMP_WORDS=(edgeimg build --board rp); COMP_CWORD=3
_edgeimg 2>/dev/null
printf '%s,' "\${COMPREPLY[@]}"
complete -p edgeimg`;
  const shown = execFileSync("bash", ["-c", program], { encoding: "utf8" });
  t.equal(shown, "rpi3,rpi4,complete -o filenames -F _edgeimg edgeimg\n");
});
