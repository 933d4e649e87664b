import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { describeBuildrootImage } from "../../../src/api/buildroot/manifest.js";
import { runMake } from "../../../src/api/buildroot/run-make.js";
import { parseMessage } from "../../../src/builders/buildroot/messages.js";
import { EdgeimgError } from "../../../src/errors/edgeimg-error.js";
import type { BuildEvent } from "../../../src/ground/events.js";
import { manifestSchema } from "../../../src/report/manifest.js";
import { testContext } from "../../helpers/image-request.js";

const folder = t.testdir({
  // Says what Buildroot says, and remembers what is done by stamp files, as it does.
  Makefile: `all: .one .two
.one:
\t@printf '\\033[7m>>> host-m4 1.4.19 Configuring\\033[27m\\n'
\t@echo checking for gcc
\t@echo '>>>   Finalizing target directory'
\t@touch .one
.two:
\t@echo '>>> ncnn 1.0.20261020 Building'
\t@test -e cured || { echo 'ncnn.cpp:1:1: error: it is broken' >&2; exit 1; }
\t@touch .two
`,
  output: {
    build: { "packages-file-list.txt": "busybox,./bin/busybox\nncnn,./usr/lib/libncnn.so\n" },
    target: {
      usr: { bin: { busybox: "BUSYBOX" }, lib: { "libncnn.so": "NCNN" } },
      etc: { hostname: "edge\n" },
      bin: t.fixture("symlink", "usr/bin"),
    },
    images: { "sdcard.img": "CARD", "rootfs.squashfs": "ROOT" },
  },
});

await t.test("messages of Buildroot are read, other lines are not", async (t) => {
  t.same(parseMessage(">>> ncnn 1.0.20261020 Installing to target"), {
    package: "ncnn",
    version: "1.0.20261020",
    what: "Installing to target",
  });
  t.match(parseMessage("\u001b[7m>>> linux 6.12.92 Building\u001b[27m"), { package: "linux", what: "Building" });
  t.equal(parseMessage("gcc -o a a.c"), undefined);
  t.equal(parseMessage(">>> "), undefined);
});

await t.test(
  "a build tells each step of each package, keeps the log, says where it stopped, and continues there",
  async (t) => {
    const log = join(folder, "build.log");
    const run = async () => {
      const events: BuildEvent[] = [];
      const context = {
        ...testContext(folder),
        env: process.env,
        emit: (event: BuildEvent) => void events.push(event),
      };
      const error = await runMake(context, { args: [], cwd: folder, log }).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      const titles = events.flatMap((event) => (event.type === "step-start" ? [event.title] : []));
      const ended = events.flatMap((event) => (event.type === "step-end" ? [event.title] : []));
      return { error, titles, ended };
    };
    const first = await run();
    t.same(first.titles, ["host-m4 1.4.19: Configuring", "ncnn 1.0.20261020: Building"]);
    t.same(first.ended, ["host-m4 1.4.19: Configuring"]);
    t.ok(first.error instanceof EdgeimgError);
    t.match(first.error, {
      code: "ERR_EDGEIMG_BUILDROOT_BUILD",
      message: "Buildroot stopped at ncnn 1.0.20261020: Building.",
      hint: /same command again/,
    });
    t.match(readFileSync(log, "utf8"), /checking for gcc[\s\S]*it is broken/);
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(folder, "cured"), "");
    const second = await run();
    t.equal(second.error, undefined);
    t.same(second.titles, ["ncnn 1.0.20261020: Building"], "what was done is not done again");
  },
);

await t.test("the manifest says who brought each file, by Buildroot's own lists", async (t) => {
  const described = await describeBuildrootImage({
    output: join(folder, "output"),
    info: JSON.stringify({ busybox: { version: "1.38.0", licenses: "GPL-2.0" }, ncnn: { version: "1.0" } }),
    name: "x",
    image: join(folder, "output/images/sdcard.img"),
    root: join(folder, "output/images/rootfs.squashfs"),
    project: "p",
    board: "b",
    engine: { name: "ncnn", version: "1.0" },
    release: "2026.05.1",
  });
  const manifest = manifestSchema.parse(JSON.parse(described["manifest.json"] ?? ""));
  const of = (path: string) => manifest.files.find((file) => file.path === path);
  t.match(of("usr/bin/busybox"), { package: "busybox", version: "1.38.0", license: "GPL-2.0", size: 7 });
  t.match(of("usr/lib/libncnn.so"), { package: "ncnn", version: "1.0" });
  t.match(of("etc/hostname"), { package: "edgeimg" });
  t.match(manifest.image, { file: "x.img", bytes: 4 });
  t.match(described["sizes.txt"], /busybox/);
});
