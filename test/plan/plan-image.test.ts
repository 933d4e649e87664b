import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { listBoards, listEngines } from "../../src/api/session/catalog.js";
import { planImage, planParts } from "../../src/builders/debian/plan-image.js";
import { builderLacks } from "../../src/catalog/builders.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { findKind } from "../../src/execute/kinds.js";
import { checkSupport, hostRequest } from "../../src/image/request.js";
import { findPath } from "../../src/parts/conversion.js";
import { requirements } from "../../src/parts/package-sets.js";
import type { Plan } from "../../src/plan/step.js";
import { walk } from "../../src/store/tree.js";
import { fetchedEngines, inventedLock, project, requestFor, testContext } from "../helpers/image-request.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const catalog = await loadCatalog(home, undefined);
/** Those whose image needs nothing of the user. */
const boards = [...catalog.boards.values()].flatMap((board) =>
  builderLacks(board, "debian") === undefined && board.disk.raw.every(({ supplied }) => supplied === undefined)
    ? [board.name]
    : [],
);
// The project's models are ONNX: engines that only read files of their own are not for them.
const engines = (await fetchedEngines()).filter((name) => {
  const accepts = catalog.engines.get(name)?.recipe.model.accepts ?? [];
  return findPath(catalog.converters, { from: "onnx", accepts }) !== undefined;
});

t.ok(boards.length >= 5 && engines.length >= 2);

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof Map) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}

async function planOf(folder: string, board: string, engine: string): Promise<Plan> {
  const request = await requestFor(folder, { board, engine });
  return planImage(request, inventedLock(request));
}

/** All steps that a step's result goes into. */
function dependents({ steps }: Plan, id: string): ReadonlySet<string> {
  const found = new Set([id]);
  for (const step of steps) if (Object.values(step.inputs).some((input) => found.has(input))) found.add(step.id);
  return found;
}

/** Some steps and all that they need, as far as it decides their keys. */
function closureOf({ steps }: Plan, ids: readonly string[]) {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const found = new Set(ids);
  for (const id of found) for (const input of Object.values(byId.get(id)?.inputs ?? {})) found.add(input);
  return [...found].sort().map((id) => {
    const { kind, inputs, params } = byId.get(id) ?? {};
    return { id, kind, inputs, params };
  });
}

/** Each board once and each engine once: what a plan is made of depends on one or the other. */
const pairs = Array.from({ length: Math.max(boards.length, engines.length) }, (_, index) => ({
  board: boards[index % boards.length] ?? "",
  engine: engines[index % engines.length] ?? "",
}));

t.test("the pairs below cover every board and every engine", async (t) => {
  t.same([...new Set(pairs.map(({ board }) => board))].sort(), [...boards].sort());
  t.same([...new Set(pairs.map(({ engine }) => engine))].sort(), [...engines].sort());
});

for (const { board, engine } of pairs) {
  t.test(`${board} with ${engine}`, async (t) => {
    const folder = t.testdir({ one: {}, "another place": {} });
    const request = freeze(await requestFor(join(folder, "one"), { board, engine }));
    const lock = freeze(inventedLock(request));
    const plan = planImage(request, lock);

    await t.test("the plan is a function of request and lock, and plain data", async (t) => {
      t.same(planImage(request, lock), plan);
      const shuffled = { ...lock, sets: Object.fromEntries(Object.entries(lock.sets).reverse()) };
      t.same(planImage(request, shuffled), plan);
      t.ok(isPlain(plan), "it can be written down and sent to another machine");
    });

    await t.test("its steps fit together", async (t) => {
      t.ok(plan.steps.length > 40, "there is something to look at");
      t.same(misfits(plan), []);
      t.same(unreached(plan), [], "no step for nothing");
      const ids = new Set(plan.steps.map(({ id }) => id));
      const unused = Object.keys(lock.sets).filter((set) => !ids.has(`fetch/${set}`));
      t.same(unused, [], "no package is locked for nothing");
    });

    await t.test("nothing of the machine is in a step that is not about the user's files", async (t) => {
      t.same(machineWords(plan, [home, folder, hostname(), process.cwd(), tmpdir()]), []);
    });

    await t.test("another folder gives the same steps", async (t) => {
      const other = await requestFor(join(folder, "another place"), { board, engine });
      const moved = JSON.stringify(planImage(other, inventedLock(other))).replaceAll(
        `${folder}/another place`,
        `${folder}/one`,
      );
      t.same(JSON.parse(moved), JSON.parse(JSON.stringify(plan)));
    });
  });
}

t.test("what the checks above look for, they find", async (t) => {
  const step = { kind: "compose", title: "a step", why: "a test", inputs: {}, params: { parts: [], files: {} } };
  const broken: Plan = {
    format: 1,
    steps: [
      { ...step, id: "early", inputs: { late: "late" } },
      { ...step, id: "late" },
      { ...step, id: "late", title: "" },
      { ...step, id: "wrong", params: { parts: 1 } },
      { ...step, id: "host", kind: "run", params: { commands: [["/opt/tool"]], env: { HOST: home } } },
    ],
    targets: { image: "nowhere" },
  };
  t.same(misfits(broken), [
    "late is needed by early, before it is there",
    "late stands twice",
    "late is not explained",
    "wrong has parameters that its kind refuses",
    "nowhere is a target, but no step",
  ]);
  t.same(machineWords(broken, [home]), [`host names ${home}`, "host has an absolute path in its commands"]);
});

t.test("boards of one architecture share tools, kernel and packages", async (t) => {
  const folder = t.testdir();
  const known = await listBoards(testContext(folder));
  const arm64 = known.filter(({ arch, name }) => arch === "arm64" && boards.includes(name)).map(({ name }) => name);
  const plans = await Promise.all(arm64.map((board) => planOf(join(folder, board), board, engines[0] ?? "")));
  const [first, ...others] = plans.map((plan) =>
    plan.steps
      .filter(({ id }) => /^(fetch|root)\/(tools|kernel|rootfs|sysroot)\//.test(id))
      .map(({ id, params }) => ({ id, params })),
  );
  t.ok((first ?? []).length >= 12);
  for (const other of others) t.same(other, first);
});

t.test("an edit of the app makes nothing anew that is large, where the file system can be added to", async (t) => {
  const request = await requestFor(t.testdir(), { board: "rpi4", engine: "ncnn" });
  const planFor = (filesystem: "squashfs" | "erofs" | "ext4") => {
    const { project } = request;
    const app = { ...project.app, assets: ["assets"] };
    const changed = { ...request, project: { ...project, app, image: { ...project.image, filesystem } } };
    return planImage(changed, inventedLock(changed));
  };
  const large = ["rootfs", "image/base", "image/boot", "boot/files"];
  const plan = planFor("squashfs");
  const edited = dependents(plan, "app/bundle");
  t.same(
    large.filter((id) => edited.has(id)),
    [],
  );
  t.same(
    ["app/bytecode", "rootfs/app", "image/root", "image/disk"].filter((id) => !edited.has(id)),
    [],
  );
  // The app's own files may be programs: their libraries are part of the base.
  t.ok(dependents(plan, "local/assets/assets").has("rootfs"));
  for (const filesystem of ["erofs", "ext4"] as const) {
    const whole = planFor(filesystem);
    t.notOk(whole.steps.some(({ id }) => id === "image/base" || id === "rootfs/app"));
    t.ok(dependents(whole, "app/bundle").has("rootfs"), `${filesystem} is made anew`);
  }
});

t.test("no engine compiles what is the same for all: app host, bytecode, kernels", async (t) => {
  const folder = t.testdir();
  const asked = async (engine: string, more: readonly string[] = []) => {
    const request = await requestFor(folder, { board: "rpi4", engine, text: `${project}kernels: true\n` });
    const { recipe } = request.engine;
    const packages = { ...recipe.packages, sysroot: [...recipe.packages.sysroot, ...more] };
    const changed = { ...request, engine: { ...request.engine, recipe: { ...recipe, packages } } };
    return planImage(changed, inventedLock(changed));
  };
  const plans = await Promise.all([...engines.map((engine) => asked(engine)), asked("ncnn", ["libvulkan-dev"])]);
  const shared = ["edge-run", "edge-nn-run", "edge_nn_common.o", "libedge_kernels.so"].map((name) => `compile/${name}`);
  const parts = plans.map((plan) => closureOf(plan, [...shared, "app/bytecode"]));
  t.ok((parts[0] ?? []).length > 12);
  for (const part of parts) t.same(part, parts[0], "the same steps with the same parameters, so the same keys");
  const last = plans.at(-1)?.steps ?? [];
  const sysrootOf = (id: string) => last.find((step) => step.id === id)?.inputs.sysroot;
  t.equal(sysrootOf("compile/ncnn-adapter"), "root/sysroot/ncnn-arm64", "an engine may need packages of its own");
  t.equal(sysrootOf("compile/ncnn"), "root/sysroot/ncnn-arm64");
});

t.test("a board without a Debian image says why, and what one can do", async (t) => {
  const whole = await requestFor(t.testdir(), { board: "rock-pi-4", engine: engines[0] ?? "" });
  const raw = whole.board.disk.raw.map((blob) => ({ ...blob, package: undefined }));
  const request = { ...whole, board: { ...whole.board, disk: { ...whole.board.disk, raw } } };
  t.throws(() => planImage(request, inventedLock(request)), {
    code: "ERR_EDGEIMG_BOARD_NO_IMAGE",
    details: [/idbloader and u-boot at a fixed place .* no source in Debian's packages/],
    hint: /edgeimg buildroot --board rock-pi-4/,
  });
  t.ok(planParts(request, inventedLock(request)).targets.parts, "app and models can be made for it all the same");
});

t.test("an engine that does not run on the board is refused", async (t) => {
  const request = await requestFor(t.testdir(), { board: boards[0] ?? "", engine: engines[0] ?? "" });
  const { engine } = request;
  const recipe = { ...engine.recipe, supports: { ...engine.recipe.supports, arch: ["armhf" as const] } };
  t.throws(() => planImage({ ...request, engine: { ...engine, recipe } }, inventedLock(request)), {
    code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    message: `${recipe.title} does not run on ${request.board.name} (arm64).`,
    hint: /armhf/,
  });
});

t.test(
  "an engine that needs a GPU is refused by name where the image drives none, and its models are not run",
  async (t) => {
    const request = await requestFor(t.testdir(), { board: "qemu-a72", engine: engines[0] ?? "" });
    const lock = inventedLock(request);
    const recipe = (accelerators: string[]) => {
      const { engine } = request;
      return { ...engine, recipe: { ...engine.recipe, supports: { ...engine.recipe.supports, accelerators } } };
    };
    const engine = recipe(["cuda"]);
    const notes = ["CPU only: CUDA needs another kernel.", "Another note."];
    t.throws(() => planImage({ ...request, engine, board: { ...request.board, notes } }, lock), {
      code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
      message: `${engine.recipe.title} needs cuda, which an image for qemu-a72 does not drive.`,
      details: ["CPU only: CUDA needs another kernel."],
      hint: /accelerators/,
    });
    const plan = (of: typeof engine) =>
      planImage({ ...request, engine: of, board: { ...request.board, accelerators: ["cuda"] } }, lock);
    const runs = ({ steps }: Plan) => steps.filter(({ kind }) => /^(run|check)-model$/.test(kind)).map(({ id }) => id);
    t.same(runs(plan(recipe([]))).length, 4, "two models, each run and compared");
    const made = plan(engine);
    t.same(runs(made), []);
    t.same(
      Object.keys(made.targets).filter((name) => name.startsWith("check/")),
      [],
    );
    t.ok(
      made.steps.some(({ id }) => id === "model/own"),
      "they are on the image all the same",
    );
  },
);

t.test(
  "an engine that is always whole is not built for the models alone: the place and the reason are told",
  async (t) => {
    const whole = [...catalog.engines.values()].filter(
      ({ recipe: { operators, notVerified } }) => notVerified === undefined && (!operators || "why" in operators),
    );
    t.ok(whole.length > 4);
    for (const { recipe } of whole) {
      const text = `${project}engine:\n  name: ${recipe.name}\n  ops: model\n`;
      const request = await requestFor(t.testdir(), { board: boards[0] ?? "", engine: recipe.name, text });
      t.throws(() => checkSupport(request), {
        code: "ERR_EDGEIMG_ENGINE_OPERATORS",
        key: ["engine", "ops"],
        message: new RegExp(
          `^${recipe.title.replace(/[()]/g, "\\$&")} cannot be built for the models alone, because .*[^.]\\.$`,
        ),
        hint: /ops: all/,
      });
      t.doesNotThrow(() => checkSupport({ ...request, ops: "all" }));
      t.equal(hostRequest(request).ops, "all", "the machine that builds has all of its engine");
    }
  },
);

t.test("a sixth board is one YAML, a third engine one folder", async (t) => {
  const folder = t.testdir({ "board-configs": {}, recipes: { engines: {} } });
  const known = readFileSync(join(home, "board-configs/qemu-a53.yaml"), "utf8");
  writeFileSync(
    join(folder, "board-configs/sixth.yaml"),
    known.replace("name: qemu-a53", "name: sixth").replace(/cortex-a53/g, "cortex-a76"),
  );
  cpSync(join(home, "test/fixtures/engines/toy"), join(folder, "recipes/engines/toy"), { recursive: true });
  t.ok((await listBoards(testContext(folder))).some(({ name, cpu }) => name === "sixth" && cpu === "cortex-a76"));
  t.ok((await listEngines(testContext(folder))).some(({ name }) => name === "toy"));
  for (const [board, engine] of [
    ["sixth", "toy"],
    ["sixth", engines[0] ?? ""],
    [boards[0] ?? "", "toy"],
  ] as const) {
    const plan = await planOf(folder, board, engine);
    t.same(unreached(plan), []);
    t.same(misfits(plan), []);
    const compiled = JSON.stringify(plan.steps.find(({ id }) => id === `compile/${engine}-adapter`)?.params);
    if (board === "sixth") t.match(compiled, /-mcpu=cortex-a76/);
  }
});

t.test("the quantized kernels are compiled for the board and installed when the project asks for them", async (t) => {
  const request = await requestFor(t.testdir(), { board: "qemu-a53", engine: "ncnn" });
  const lock = inventedLock(request);
  const without = planImage(request, lock);
  const plan = planImage({ ...request, project: { ...request.project, kernels: true } }, lock);
  const added = plan.steps.map(({ id }) => id).filter((id) => !without.steps.some((step) => step.id === id));
  t.same(added.sort(), ["compile/libedge_kernels.so", "local/kernels"]);
  t.match(JSON.stringify(plan.steps.find(({ id }) => id === "compile/libedge_kernels.so")?.params), /-mcpu=cortex-a53/);
  t.match(
    plan.steps
      .filter(({ inputs }) => inputs["libedge_kernels.so"] === "compile/libedge_kernels.so")
      .map(({ params }) => JSON.stringify(params)),
    [/usr\/lib\/edgeimg\/libedge_kernels\.so/],
  );
  t.same(unreached(plan), []);
});

t.test("no code names a board", async (t) => {
  const word = new RegExp(`\\b(${boards.join("|")})\\b`);
  const src = join(home, "src");
  // Help texts and the schemas' examples may: people read them.
  const files = [...walk(src, "")].filter((path) => path.endsWith(".ts") && !/^(cli|config)\//.test(path));
  t.ok(files.length > 60);
  const named = files.filter((path) => {
    const code = readFileSync(join(src, path), "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/^\s*\/\/.*$/gm, "");
    return word.test(code);
  });
  t.same(named, []);
});

t.test("what is asked of the lock does not depend on the order of the catalog", async (t) => {
  const request = await requestFor(t.testdir(), { board: boards[0] ?? "", engine: engines[0] ?? "" });
  const { catalog } = request;
  const reversed = {
    ...catalog,
    boards: new Map([...catalog.boards].reverse()),
    engines: new Map([...catalog.engines].reverse()),
  };
  t.same(requirements({ ...request, catalog: reversed }), requirements(request));
  const lock = inventedLock(request);
  t.same(planImage({ ...request, catalog: reversed }, lock), planImage(request, lock));
});

/** What does not fit in a plan: steps before their inputs, twice, unexplained, or with parameters that their kinds refuse. */
function misfits(plan: Plan): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  for (const step of plan.steps) {
    if (seen.has(step.id)) found.push(`${step.id} stands twice`);
    for (const input of Object.values(step.inputs)) {
      if (!seen.has(input)) found.push(`${input} is needed by ${step.id}, before it is there`);
    }
    seen.add(step.id);
    try {
      findKind(step.kind).bind(step.params);
    } catch {
      found.push(`${step.id} has parameters that its kind refuses`);
    }
    if (step.title.length <= 3 || step.why.length <= 3) found.push(`${step.id} is not explained`);
  }
  for (const id of [...Object.values(plan.targets), ...(plan.first ?? [])]) {
    if (!seen.has(id)) found.push(`${id} is a target, but no step`);
  }
  return found;
}

/** Steps with something of this machine in them; those of kind `local` name the user's files. */
function machineWords(plan: Plan, words: readonly string[]): string[] {
  return plan.steps.flatMap(({ id, kind, params }) => {
    if (kind === "local") return [];
    // A step has a folder tmp of its own.
    const text = JSON.stringify(params).replaceAll("{cwd}/tmp", "");
    const word = words.find((one) => one.length > 3 && text.includes(one));
    const absolute = /"\/(?!usr|etc|lib|data|app|models|run|sys|dev|proc|$)[a-z]+\//.test(
      JSON.stringify(commandsOf(params)),
    );
    return [
      ...(word === undefined ? [] : [`${id} names ${word}`]),
      ...(absolute ? [`${id} has an absolute path in its commands`] : []),
    ];
  });
}

function unreached(plan: Plan): string[] {
  const inputs = new Map(plan.steps.map((step) => [step.id, Object.values(step.inputs)]));
  const reached = new Set<string>();
  const visit = (id: string) => {
    if (reached.has(id)) return;
    reached.add(id);
    for (const input of inputs.get(id) ?? []) visit(input);
  };
  for (const id of Object.values(plan.targets)) visit(id);
  return [...inputs.keys()].filter((id) => !reached.has(id));
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "bigint";
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}

function commandsOf(params: object): unknown {
  return "commands" in params ? params.commands : [];
}
