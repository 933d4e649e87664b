import t from "tap";
import type { AptSolver } from "../../src/lock/apt.js";
import type { AptPackage } from "../../src/lock/choices.js";
import { emptyLock, formatLock, type Lock, parseLock } from "../../src/lock/lock-file.js";
import { checkLocked, completeLock, missingSets, type Requirements } from "../../src/lock/resolve.js";

const distribution = { name: "debian-13", purlNamespace: "debian" };
const requirements: Requirements = {
  distribution,
  sets: [
    { name: "tools", arch: "amd64", packages: ["zstd", "genimage"] },
    { name: "kernel", arch: "arm64", packages: ["linux-image-arm64"], keep: ["linux-image-*"] },
    { name: "rootfs", arch: "arm64", packages: ["libc6"] },
  ],
};

const found = (name: string, arch: string, version = "1.0-1"): AptPackage => ({
  name,
  version,
  arch,
  path: `pool/${name}_${version}_${arch}.deb`,
  size: 7,
  sha256: "a".repeat(64),
});

/** A solver that brings each package and a dependency of all. */
function fakeSolver() {
  const asked: string[] = [];
  const open = async (arch: string): Promise<AptSolver> => {
    asked.push(`open ${arch}`);
    return {
      date: "Sat, 14 Nov 2026 10:00:00 UTC",
      async solve(names) {
        asked.push(`solve ${arch} ${names.join(" ")}`);
        return [...names, "base"]
          .sort()
          .map((name) => found(name, arch, name === "libc6" ? "2:2.41-12+deb13u1" : undefined));
      },
    };
  };
  return { asked, open };
}

t.test("an empty lock is completed", async (t) => {
  const { asked, open } = fakeSolver();
  const lock = await completeLock({ lock: emptyLock("debian-13"), requirements, open });
  t.same(
    asked.filter((one) => one.startsWith("solve")),
    ["solve amd64 zstd genimage", "solve arm64 linux-image-arm64", "solve arm64 libc6"],
  );
  t.equal(lock.distribution.date, "Sat, 14 Nov 2026 10:00:00 UTC");
  t.same(lock.sets.tools, {
    arch: "amd64",
    request: ["genimage", "zstd"],
    packages: ["base", "genimage", "zstd"].map((name) => `pkg:deb/debian/${name}@1.0-1?arch=amd64`),
  });
  t.same(lock.sets.kernel?.packages, ["pkg:deb/debian/linux-image-arm64@1.0-1?arch=arm64"], "only what is to be kept");
  t.same(missingSets(lock, requirements), []);
  t.doesNotThrow(() => checkLocked(lock, requirements, "edgeimg.lock"));
  const read = parseLock(formatLock(lock), "edgeimg.lock");
  t.same(read, lock, "what it writes can be read");
  const [libc] = read.sets.rootfs?.packages.filter((id) => id.includes("libc6")) ?? [];
  t.match(read.packages[libc ?? ""], { path: "pool/libc6_2:2.41-12+deb13u1_arm64.deb", size: 7 });
});

t.test("a complete lock asks nobody", async (t) => {
  const lock = await completeLock({ lock: emptyLock("debian-13"), requirements, open: fakeSolver().open });
  const again = await completeLock({ lock, requirements, open: () => Promise.reject(new Error("asked")) });
  t.same(again, lock);
});

t.test("only what is missing is asked for, and nothing else moves", async (t) => {
  const lock = await completeLock({ lock: emptyLock("debian-13"), requirements, open: fakeSolver().open });
  const { asked, open } = fakeSolver();
  const more: Requirements = {
    ...requirements,
    sets: [...requirements.sets, { name: "extra", arch: "arm64", packages: ["nano"] }],
  };
  t.same(
    missingSets(lock, more).map(({ name }) => name),
    ["extra"],
  );
  const longer = await completeLock({ lock, requirements: more, open });
  t.same(asked, ["open arm64", "solve arm64 nano"]);
  t.same({ ...longer.sets, extra: undefined }, { ...lock.sets, extra: undefined });
});

t.test(
  "a set for other packages, another architecture or another distribution is missing; the order is none of it",
  async (t) => {
    const lock = await completeLock({ lock: emptyLock("debian-13"), requirements, open: fakeSolver().open });
    const names = (changed: Partial<Requirements["sets"][number]>) =>
      missingSets(lock, {
        distribution,
        sets: [{ name: "tools", arch: "amd64", packages: ["zstd", "genimage"], ...changed }],
      }).map(({ name }) => name);
    t.same(names({}), []);
    t.same(names({ packages: ["genimage", "zstd"] }), []);
    t.same(names({ packages: ["zstd"] }), ["tools"]);
    t.same(names({ packages: ["genimage zstd"] }), ["tools"], "one odd name is not two");
    t.same(names({ arch: "arm64" }), ["tools"]);
    t.same(missingSets(lock, { ...requirements, distribution: { ...distribution, name: "debian-14" } }).length, 3);
  },
);

t.test("a locked build says what the lock lacks", async (t) => {
  const lock: Lock = {
    ...(await completeLock({ lock: emptyLock("debian-13"), requirements, open: fakeSolver().open })),
  };
  const asked: Requirements = {
    distribution,
    sets: [
      { name: "rootfs", arch: "arm64", packages: ["libc6", "nano"] },
      { name: "new", arch: "arm64", packages: ["x"] },
    ],
  };
  const error = {
    code: "ERR_EDGEIMG_LOCK_DISAGREES",
    message: "edgeimg.lock does not hold what this build needs.",
    details: ['set "rootfs" (arm64): made for other packages', 'set "new" (arm64): absent'],
    hint: /edgeimg lock --update/,
    place: { file: "edgeimg.lock" },
    exitCode: 1,
  };
  t.throws(() => checkLocked(lock, asked, "edgeimg.lock"), error);
  const other = { ...requirements, distribution: { ...distribution, name: "debian-14" } };
  t.throws(() => checkLocked(lock, other, "edgeimg.lock"), { code: "ERR_EDGEIMG_LOCK_DISAGREES" });
});
