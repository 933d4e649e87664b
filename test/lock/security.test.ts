import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import t, { type Test } from "tap";
import { hostMirrors, openApt } from "../../src/lock/apt.js";

/** Stands for apt where there is no archive: it has the suites of the mirrors that the file `known` names. */
const apt = `#!/bin/sh
folder=$(dirname "$APT_CONFIG")
case "$*" in
*update*)
  rm -f "$folder"/lists/*_InRelease
  for source in "$folder"/etc/sources.list.d/*.sources; do
    uri=$(sed -n 's/^URIs: //p' "$source")
    for suite in $(sed -n 's/^Suites: //p' "$source"); do
      grep -qxF "$uri $suite" "$folder/known" || { echo "E: The repository '$uri $suite' does not have a Release file."; exit 100; }
      printf 'Origin: Debian\\nDate: Sat, 01 Nov 2025 00:00:00 UTC\\n' > "$folder/lists/x_dists_\${suite}_InRelease"
    done
  done;;
*install*) for file in "$folder"/lists/*_InRelease; do echo "Inst $(basename "$file" | sed 's/.*_dists_//; s/_InRelease//') (1.0 Debian [arm64])"; done;;
*show*) for word in "$@"; do case $word in *=*) printf 'Package: %s\\nVersion: 1.0\\nArchitecture: arm64\\nFilename: pool/h.deb\\nSize: 7\\nSHA256: ${"a".repeat(64)}\\n\\n' "\${word%=*}";; esac; done;;
esac
`;

async function asked(t: Test, job: { readonly known: readonly string[]; readonly mirrors: readonly string[] }) {
  const folder = t.testdir({ bin: {}, apt: { known: `${job.known.join("\n")}\n` } });
  for (const name of ["apt-get", "apt-cache", "apt-config"])
    writeFileSync(join(folder, "bin", name), apt, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${folder}/bin${delimiter}${before}`;
  const absent: string[] = [];
  try {
    const solver = await openApt({
      folder: join(folder, "apt"),
      arch: "arm64",
      mirrors: job.mirrors,
      origin: "Debian",
      suites: ["one"],
      security: { suite: "one-security", absent: (details) => absent.push(...details) },
      components: ["main"],
      keyring: "/none",
      env: { PATH: process.env.PATH },
      signal: new AbortController().signal,
    });
    return { suites: (await solver.solve(["hello"])).map(({ name }) => name), absent };
  } finally {
    process.env.PATH = before;
  }
}

t.test("security updates come from the archive that has them", async (t) => {
  const mirrors = ["http://deb.test/debian", "http://deb.test/debian-security"];
  const found = await asked(t, { known: [`${mirrors[0]} one`, `${mirrors[1]} one-security`], mirrors });
  t.same(found, { suites: ["one", "one-security"], absent: [] });
  const same = await asked(t, {
    known: ["http://own.test one", "http://own.test one-security"],
    mirrors: ["http://own.test"],
  });
  t.same(same, { suites: ["one", "one-security"], absent: [] }, "a mirror that has both in one place");
});

t.test("where none has them, that is said, and the rest is as it was", async (t) => {
  const found = await asked(t, { known: ["http://deb.test/debian one"], mirrors: ["http://deb.test/debian"] });
  t.same(found.suites, ["one"]);
  t.match(found.absent.join(), /one-security' does not have a Release file/);
});

t.test(
  "the archive of security updates is the host's own, the one beside the mirror, or the one that is named",
  async (t) => {
    const own = { EDGEIMG_DEBIAN_MIRROR: "http://own.test/debian/" };
    t.same(await hostMirrors(own), ["http://own.test/debian/", "http://own.test/debian-security"]);
    const named = { ...own, EDGEIMG_DEBIAN_SECURITY_MIRROR: "http://sec.test/x" };
    t.same(await hostMirrors(named), ["http://own.test/debian/", "http://sec.test/x"]);
  },
);
