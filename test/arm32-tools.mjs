// A cross compiler for 32-bit Arm, for the tests of the kernels: no board of ours is one yet.
import { join } from "node:path";
import { lockPackages } from "../dist/api/session/lock-packages.js";
import { userRegistries } from "../dist/api/session/registries.js";
import { architectures } from "../dist/catalog/architecture.js";
import { execute } from "../dist/execute/execute.js";
import { emptyLock } from "../dist/lock/lock-file.js";
import { fetchSet, hostWrap } from "../dist/parts/roots.js";
import { planBuilder } from "../dist/plan/step.js";
import { treePath } from "../dist/store/store.js";

/** The root of the compiler with the C library beside it, which Debian also packages for hosts: no index of armhf is needed. */
export async function arm32Root({ request, services }) {
  const { distribution } = request.catalog;
  const { store, signal, emit, now } = services;
  const { triplet } = architectures.armhf;
  const set = {
    name: "tools/test-armhf",
    arch: request.host.arch,
    packages: [`gcc-${triplet}`, "libc6-dev-armhf-cross"],
  };
  const lock = await lockPackages({
    lock: emptyLock(distribution.name),
    needed: { distribution, sets: [set] },
    distribution,
    store,
    mirrors: async () => (await userRegistries(process.env)).deb,
    offline: false,
    env: process.env,
    signal,
    emit,
    now,
  });
  const plan = planBuilder();
  const why = "tests of the 32-bit kernels";
  const root = plan.add({
    id: `root/${set.name}`,
    kind: "root",
    title: "Unpack host tools: compiler for 32-bit Arm",
    why,
    inputs: { debs: fetchSet({ lock, plan }, set.name, why) },
    params: {
      exclude: ["usr/share/**"],
      wrap: hostWrap(request.host.arch, distribution.tools.toolchain.wrap),
    },
  });
  const results = await execute({ format: 1, steps: [...plan.steps.values()], targets: {} }, [root], services);
  return { root: join(treePath(store, results.get(root).digest), "root"), triplet };
}
