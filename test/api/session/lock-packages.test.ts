import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cacheFolder } from "../../../src/api/session/cache-folder.js";
import { lockPackages } from "../../../src/api/session/lock-packages.js";
import type { BuildEvent } from "../../../src/ground/events.js";
import { emptyLock } from "../../../src/lock/lock-file.js";
import { openStore } from "../../../src/store/store.js";

/** Stands for apt where there is no archive: the lists come in two parts, half a second apart. */
const apt = `#!/bin/sh
folder=$(dirname "$APT_CONFIG")
case "$*" in
*update*)
  printf 12345 > "$folder/lists/partial/deb_InRelease"; sleep 0.4; printf 1234567890 > "$folder/lists/partial/deb_Packages"; sleep 0.4
  printf 'Origin: Debian\\nDate: Sat, 01 Nov 2025 00:00:00 UTC\\n' > "$folder/lists/deb_dists_one_InRelease";;
*install*) echo 'Inst hello (1.0 Debian:13 [arm64])';;
*show*) printf 'Package: hello\\nVersion: 1.0\\nArchitecture: arm64\\nFilename: pool/h.deb\\nSize: 7\\nSHA256: ${"a".repeat(64)}\\n';;
esac
`;

t.test("while apt is asked, events say what for, of whom, and how many bytes have come", async (t) => {
  const folder = t.testdir({ bin: {}, cache: {} });
  for (const name of ["apt-get", "apt-cache", "apt-config"])
    writeFileSync(join(folder, "bin", name), apt, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}/bin:${path}`;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const events: BuildEvent[] = [];
  let clock = 0;
  const lock = await lockPackages({
    lock: emptyLock("one"),
    needed: {
      distribution: { name: "one", purlNamespace: "debian" },
      sets: ["a", "b"].map((name) => ({ name, arch: "arm64", packages: ["hello"] })),
    },
    distribution: {
      name: "one",
      purlNamespace: "debian",
      suites: ["one"],
      origin: "Debian",
      components: ["main"],
      keyring: "/none",
    } as never,
    store: await openStore(join(folder, "cache")),
    mirrors: async () => ["http://user:secret@mirror.example/debian"],
    offline: false,
    env: { PATH: process.env.PATH },
    signal: new AbortController().signal,
    emit: (event) => events.push(event),
    now: () => clock++,
  });
  t.same(Object.keys(lock.sets), ["a", "b"]);
  const lists = "Fetch the package lists of one (arm64) from mirror.example";
  t.match(
    events.filter(({ type }) => type === "step-start" || type === "step-end"),
    [
      { type: "step-start", title: "Let apt choose the packages of 2 sets" },
      { type: "step-start", title: lists },
      { type: "step-end", title: lists },
      { type: "step-end", title: "Let apt choose the packages of 2 sets" },
    ],
  );
  const progress = events.flatMap((event) => (event.type === "step-progress" ? [event] : []));
  const bytes = progress.filter(({ unit }) => unit === "bytes").map(({ done }) => done);
  t.ok(bytes.includes(5) && bytes.includes(15), `bytes of parts: ${bytes}`);
  t.same(
    progress.filter(({ unit }) => unit === "objects").map(({ done, total }) => [done, total]),
    [
      [0, 2],
      [1, 2],
      [2, 2],
    ],
  );
  t.notMatch(JSON.stringify(events), /secret/);
  const counted = events.filter(({ type }) => type === "plan").length;
  t.equal(counted, 2, "each is counted among the steps");
});

t.test("the store's place: XDG's rules, and never the root of the file system", (t) => {
  const of = (env: Record<string, string>) => cacheFolder({ env });
  t.equal(of({ XDG_CACHE_HOME: "/x", HOME: "/home/me" }), "/x");
  t.equal(of({ HOME: "/home/me" }), "/home/me/.cache");
  for (const xdg of ["", "relative", "./x"]) t.equal(of({ XDG_CACHE_HOME: xdg, HOME: "/home/me" }), "/home/me/.cache");
  for (const env of [{}, { HOME: "" }, { HOME: "me" }, { XDG_CACHE_HOME: "", HOME: "" }] as Record<string, string>[])
    t.throws(() => of(env), { code: "ERR_EDGEIMG_STORE_UNWRITABLE", exitCode: 2, message: /XDG_CACHE_HOME nor HOME/ });
  t.end();
});
