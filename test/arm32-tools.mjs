// A cross compiler for 32-bit Arm, for the tests of the kernels: no board of ours is one yet.
import { join } from "node:path";
import { userRegistries } from "../dist/api/registries.js";
import { fetchSet } from "../dist/builders/debian/roots.js";
import { openApt } from "../dist/lock/apt.js";
import { emptyLock } from "../dist/lock/lock-file.js";
import { completeLock } from "../dist/lock/resolve.js";
import { planBuilder } from "../dist/plan/step.js";
import { execute } from "../dist/steps/execute.js";
import { withLock } from "../dist/store/lock.js";
import { treePath } from "../dist/store/store.js";

/** The root of the compiler with the C library beside it, which Debian also packages for hosts: no index of armhf is needed. */
export async function arm32Root({ request, services }) {
  const { distribution } = request.catalog;
  const { store, signal } = services;
  const host = distribution.architectures[request.host.arch];
  const { triplet } = distribution.architectures.armhf;
  const set = {
    name: "tools/test-armhf",
    arch: request.host.arch,
    packages: [`gcc-${triplet}`, "libc6-dev-armhf-cross"],
  };
  const { deb } = await userRegistries(process.env);
  const lock = await withLock(`${store.root}/apt`, signal, () =>
    completeLock({
      lock: emptyLock(distribution.name),
      requirements: { distribution, sets: [set] },
      open: (arch) =>
        openApt({
          folder: join(store.root, "apt", `${distribution.name}-${arch}`),
          arch,
          mirrors: deb,
          suites: distribution.suites,
          components: distribution.components,
          keyring: distribution.keyring,
          env: process.env,
          signal,
        }),
    }),
  );
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
      wrap: {
        loader: host.loader,
        libraries: [`usr/lib/${host.triplet}`],
        folders: distribution.tools.toolchain.wrap,
      },
    },
  });
  const results = await execute({ format: 1, steps: [...plan.steps.values()], targets: {} }, [root], services);
  return { root: join(treePath(store, results.get(root).digest), "root"), triplet };
}
