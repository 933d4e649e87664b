import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import t from "tap";
import { hostMirrors } from "../../src/lock/apt.js";

t.test("mirrors that the host's apt is configured with, likeliest first, each once", async (t) => {
  const folder = t.testdir();
  const lines = [
    "http://sec.test/debian-security main",
    "http://third.test/packages main",
    "cdrom:[Debian]/ main",
    "http://deb.test/debian/ main",
    "http://deb.test/debian main",
    "http://deb.test/debian contrib",
    "https://ports.test/debian main",
    "",
  ];
  const script = `#!/bin/sh\n[ "$1" = indextargets ] || exit 1\ncat <<'END'\n${lines.join("\n")}\nEND\n`;
  writeFileSync(join(folder, "apt-get"), script, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${before}`;
  t.teardown(() => {
    process.env.PATH = before;
  });
  t.same(await hostMirrors({}), [
    "http://deb.test/debian",
    "https://ports.test/debian",
    "http://third.test/packages",
    "http://sec.test/debian-security",
  ]);
  t.same(await hostMirrors({ EDGEIMG_DEBIAN_MIRROR: "http://own.test" }), ["http://own.test"]);
});

t.test("a host without apt has none", async (t) => {
  const before = process.env.PATH;
  process.env.PATH = t.testdir();
  t.teardown(() => {
    process.env.PATH = before;
  });
  t.same(await hostMirrors({}), []);
});

t.test("hostMirrors waited for an apt that does not answer, whatever was sent to edgeimg", async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, "apt-get"), "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${before}`;
  t.teardown(() => {
    process.env.PATH = before;
  });
  const began = performance.now();
  await t.rejects(hostMirrors({}, AbortSignal.timeout(300)));
  t.ok(performance.now() - began < 10_000, "it ends when it is told to");
});
