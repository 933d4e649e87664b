import t from "tap";
import { emptyLock, formatLock, parseLock } from "../../src/lock/lock-file.js";
import { completeLock, lockedRequests, missingSets, type Requirements } from "../../src/lock/resolve.js";

const distribution = { name: "debian-13", purlNamespace: "debian" };
const kernel = { name: "kernel/arm64", arch: "arm64", packages: ["linux-image-arm64"], keep: ["linux-image-*"] };
const tools = { name: "tools/image", arch: "amd64", packages: ["zstd", "genimage"] };

/** An archive in which everything has one version and the kernel brings kmod. */
const open = async (arch: string) => ({
  date: "Sun, 22 Nov 2026 02:09:05 UTC",
  solve: async (names: readonly string[]) =>
    [...names, ...(names.includes("linux-image-arm64") ? ["kmod"] : [])]
      .sort()
      .map((name) => ({ name, version: "1", arch, path: `pool/${name}`, size: 1, sha256: "ab".repeat(32) })),
});

t.test("what a lock was made for can be asked again, so an update keeps the sets of other boards", async (t) => {
  const requirements: Requirements = { distribution, sets: [kernel, tools] };
  const lock = await completeLock({ lock: emptyLock("debian-13"), requirements, open });
  const read = parseLock(formatLock(lock), "edgeimg.lock");
  t.strictSame(missingSets(read, { distribution, sets: lockedRequests(read) }), []);
  const again = await completeLock({
    lock: emptyLock("debian-13"),
    requirements: { distribution, sets: lockedRequests(read) },
    open,
  });
  t.equal(formatLock(again), formatLock(lock));
  t.notMatch(formatLock(again), "kmod");
});

t.test("a lock made with another choice of packages does not cover the request", async (t) => {
  const lock = await completeLock({
    lock: emptyLock("debian-13"),
    requirements: { distribution, sets: [kernel] },
    open,
  });
  const wider = { ...kernel, keep: ["linux-image-*", "kmod"] };
  t.strictSame(missingSets(lock, { distribution, sets: [wider] }), [wider]);
});
