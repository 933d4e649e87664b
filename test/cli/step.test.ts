import t from "tap";
import type { StepBuildResult, StepDetails } from "../../src/api/types.js";
import { runFake } from "./fake-api.js";

const details: StepDetails = {
  board: "rpi4",
  engine: "toy",
  id: "built",
  title: "Build the parts",
  why: "the image holds them",
  kind: "run",
  version: 2,
  weight: "all",
  process: {
    commands: [
      ["in/tools/build", "-j{jobs}", "two words"],
      ["in/tools/pack", "all"],
    ],
    env: { PATH: "", HOME: "{cwd}" },
    copies: { source: "src" },
    late: "ports",
    stdout: "out/all",
  },
  params: {},
  inputs: [
    { name: "tools", step: "tools", digest: "aa".repeat(32) },
    { name: "source", step: "source", digest: undefined },
  ],
  neededBy: ["image"],
  key: undefined,
  digest: undefined,
  path: undefined,
};

const result: StepBuildResult = {
  board: "rpi4",
  engine: "toy",
  step: "built",
  title: "Build the parts",
  digest: "bb".repeat(32),
  path: "/store/trees/bb",
  cachedSteps: 3,
  ranSteps: 1,
  ms: 2000,
};

t.test("plan --step: one step whole, for people and for programs", async (t) => {
  const seen: unknown[] = [];
  const planStep = async (_: unknown, options: { readonly step: string; readonly board?: string | undefined }) => {
    seen.push([options.step, options.board]);
    return details;
  };
  const ran = await runFake(["plan", "-b", "rpi4", "--step", "built"], { planStep });
  t.same(seen, [["built", "rpi4"]]);
  t.equal(ran.code, 0, ran.stderr);
  t.equal(
    ran.stdout.replace(/ +$/gm, ""),
    `  step       built
  what       Build the parts
  why        the image holds them
  kind       run, version 2
  jobs       all
  key        not known before its inputs are
  result     not in the store
  needed by  image

Inputs
  tools   tools   ${"aa".repeat(32)}
  source  source  not in the store                                                  copied to src

Environment
  PATH
  HOME  {cwd}

Commands
  in/tools/build '-j{jobs}' 'two words'
  in/tools/pack all > out/all  # and what follows from the ports in in/ports
`,
  );
  const json = await runFake(["plan", "--json", "--step=built"], { planStep });
  t.same(JSON.parse(json.stdout), JSON.parse(JSON.stringify({ type: "result", command: "plan", ...details })));
  const other = await runFake(["plan", "--step", "built"], {
    planStep: async () => ({ ...details, process: undefined, params: { format: "tar" } }),
  });
  t.match(other.stdout, 'Parameters\n  {\n    "format": "tar"\n  }\n');
});

t.test("build --only, --keep-work: the step and its folder", async (t) => {
  const seen: unknown[] = [];
  const ran = await runFake(["build", "--only", "built", "--keep-work", "-j", "2"], {
    buildStep: async (context, options) => {
      seen.push([options.step, options.keepWork, options.jobs]);
      context.emit({ type: "step-kept", step: "built", title: "Build the parts", path: "/store/work/cc" });
      return result;
    },
  });
  t.same(seen, [["built", true, 2]]);
  t.equal(ran.code, 0, ran.stderr);
  t.equal(
    ran.stdout,
    "work folder of Build the parts: /store/work/cc\n\nBuild the parts, in 2.0 s (1 steps run, 3 from cache):\n/store/trees/bb\n",
  );
});

t.test("build --only is refused where it can mean nothing", async (t) => {
  for (const [words, message] of [
    [["--only", "x", "--matrix"], /--only builds one step of one image, --matrix many images/],
    [["--only", "x", "--builder", "buildroot"], /--only and --keep-work are about edgeimg's own builder/],
    [["--keep-work", "--builder", "buildroot"], /--only and --keep-work are about edgeimg's own builder/],
  ] as const) {
    const ran = await runFake(["build", ...words], {});
    t.equal(ran.code, 1);
    t.match(ran.stderr, message);
  }
});
