import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planHost } from "../../src/builders/debian/plan-host.js";
import { type Arch, architectures } from "../../src/catalog/architecture.js";
import { findKind } from "../../src/execute/kinds.js";
import { hostRequest, type ImageRequest } from "../../src/image/request.js";
import { emptyLock, type Lock } from "../../src/lock/lock-file.js";
import { hostRequirements } from "../../src/parts/package-sets.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

/** The request of a project, as a machine of an architecture makes it. */
async function requestOn(folder: string, arch: Arch, engine = "ncnn"): Promise<ImageRequest> {
  const request = await requestFor(folder, { board: "rpi4", engine });
  return { ...request, host: { arch, node: architectures[arch].node } };
}

function lockFor(request: ImageRequest): Lock {
  const { distribution, sets } = hostRequirements(request);
  // Of an image: not every converter for it runs on every machine.
  const { sources } = inventedLock({ ...request, host: { arch: "amd64", node: "x64" } });
  const lock = { ...emptyLock(distribution.name), sources };
  for (const { name, arch, packages } of sets) {
    const id = `pkg:deb/debian/${name.replace(/[^a-z0-9]+/g, "-")}@1.0?arch=${arch}`;
    lock.packages[id] = { path: `pool/${name}.deb`, size: 1, sha256: "0".repeat(64) };
    lock.sets[name] = { arch, request: [...packages].sort(), packages: [id] };
  }
  return lock;
}

const hosts = ["amd64", "arm64"] as const;

for (const arch of hosts) {
  t.test(`the plan for a machine that is ${arch}: its own compiler and libraries, no emulator, no image`, async (t) => {
    const request = await requestOn(t.testdir(), arch);
    const plan = planHost(request, lockFor(request));
    const ids = plan.steps.map(({ id }) => id);
    t.same(
      ids.filter((id) => /^(root|compile|host|model-run|model-check|image|boot)/.test(id)),
      [
        `root/sysroot/${arch}`,
        `root/libraries/runtime-${arch}`,
        `root/headers/onnxruntime-${arch}`,
        `root/tools/toolchain-${arch}`,
        "compile/edge-run",
        "compile/edge_nn_common.o",
        "compile/onnxruntime",
        "compile/onnxruntime-adapter",
        "compile/libedge_record.so",
        "host/app",
        "host/models",
        "host/engine",
      ],
    );
    for (const { id, kind, params } of plan.steps) t.doesNotThrow(() => findKind(kind).bind(params), id);
    const { triplet, loader, cpuOption, generic } = architectures[arch];
    const bytecode = JSON.stringify(plan.steps.find(({ id }) => id === "app/bytecode"));
    t.match(bytecode, `{cwd}/in/sysroot/root/${loader}`, "the bytecode is made by the very program that runs it");
    t.notMatch(JSON.stringify(plan), /qemu/);
    const compile = JSON.stringify(plan.steps.find(({ id }) => id === "compile/edge-run"));
    t.match(compile, `/${triplet}-gcc`);
    t.match(compile, `${cpuOption}=${generic}`, "for every processor of the architecture: keys are the same on all");
    t.match(plan.targets, {
      app: "host/app",
      models: "host/models",
      engine: "host/engine",
      runtime: "compile/edge-run",
    });
  });
}

t.test("a compiler for the machine itself comes with an assembler of no triplet's name", async (t) => {
  const request = await requestOn(t.testdir(), "amd64");
  const set = (one: ImageRequest) =>
    hostRequirements(one).sets.find(({ name }) => name.startsWith("tools/toolchain"))?.packages;
  t.ok(set(request)?.includes("binutils"));
  const { sets } = inventedLock(request);
  t.notOk(sets["tools/toolchain-arm64"]?.request.includes("binutils"), "a board's has it by name");
});

t.test("the project's engine stays where it runs on the machine; a folder of the project can bring one", async (t) => {
  const folder = t.testdir({ recipes: { engines: {} } });
  const home = fileURLToPath(new URL("../../", import.meta.url));
  cpSync(join(home, "test/fixtures/engines/toy"), join(folder, "recipes/engines/toy"), { recursive: true });
  const request = await requestOn(folder, "amd64", "toy");
  t.equal(hostRequest(request).engine.recipe.name, "onnxruntime", "toy says nothing of machines");
  const recipe = {
    ...request.engine.recipe,
    supports: { arch: ["arm64" as const], host: ["amd64" as const], accelerators: [] },
  };
  const own = { ...request, engine: { ...request.engine, recipe } };
  t.equal(hostRequest(own).engine.recipe.name, "toy");
  t.ok(planHost(own, lockFor(own)).steps.some(({ id }) => id === "compile/toy"));
});

t.test("the kernels come along when the project asks for them", async (t) => {
  const request = await requestOn(t.testdir(), "amd64");
  const asked = { ...request, project: { ...request.project, kernels: true } };
  t.equal(planHost(asked, lockFor(asked)).targets.kernels, "compile/libedge_kernels.so");
  t.equal(planHost(request, lockFor(request)).targets.kernels, undefined);
});

t.test("a machine that no engine runs on is told so", async (t) => {
  const request = await requestOn(t.testdir(), "armhf");
  t.throws(() => hostRequest(request), {
    code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    message: "No engine runs apps on a machine that is armhf.",
  });
});
