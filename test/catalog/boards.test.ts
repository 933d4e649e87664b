import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { board as boardSchema } from "../../src/catalog/board.js";
import { factTopics } from "../../src/catalog/board-facts.js";
import { builderLacks, buildersOf } from "../../src/catalog/builders.js";
import { loadCatalog, readEntry } from "../../src/catalog/catalog.js";
import { moduleName } from "../../src/formats/kernel-modules.js";
import { readKernelModules } from "../../src/steps/kernel-modules.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const { boards } = await loadCatalog(home, undefined);
const kernel = readKernelModules(`${home}/test/fixtures/kernel`);

for (const board of boards.values()) {
  t.test(`${board.name}: what is told of it`, async (t) => {
    t.ok(board.proven, "how far its image is proven");
    const { facts, watchdog } = board;
    const isMachine = board.name.startsWith("qemu-");
    const due = factTopics.filter((topic) => !isMachine || !["watchdog", "cpufreq", "thermal"].includes(topic));
    t.same(
      due.filter((topic) => facts[topic] === undefined),
      [],
      "each topic has a source",
    );
    t.equal(facts.watchdog !== undefined && !facts.watchdog.none, watchdog !== undefined, "a watchdog, or none");
    const named = [...board.kernel.initramfs, ...board.kernel.rootfs].map(moduleName);
    const drivers = Object.values(facts)
      .flatMap((fact) => fact?.drivers ?? [])
      .map(moduleName);
    t.same(
      drivers.filter((driver) => !named.includes(driver) && !kernel.builtin.includes(driver)),
      [],
      "each device that is told of has its driver",
    );
    t.ok(buildersOf(board).length > 0, "somebody makes cards for it");
  });
}

t.test("who makes cards follows from the sources of what lies at fixed places", async (t) => {
  const whole = boards.get("rock-pi-4");
  if (whole === undefined) return t.fail("there is no such board");
  t.same(buildersOf(whole), ["debian", "buildroot"]);
  const raw = whole.disk.raw.map((blob) => ({ ...blob, package: undefined }));
  t.same(buildersOf({ ...whole, disk: { ...whole.disk, raw } }), ["buildroot"]);
  t.match(
    builderLacks({ ...whole, disk: { ...whole.disk, raw } }, "debian"),
    /idbloader and u-boot .* Debian's packages/,
  );
  t.same(buildersOf({ ...whole, buildroot: undefined }), ["debian"]);
});

t.test("mistakes in a board's disk and boot loader: the place and what is wrong", async (t) => {
  const text = readFileSync(join(home, "board-configs/rock-pi-4.yaml"), "utf8");
  const file = join(t.testdir(), "board.yaml");
  const mistakes: readonly (readonly [from: string, to: string, line: string, message: RegExp])[] = [
    [
      "offset: 32KiB",
      "offset: 17MiB",
      "offset: 17MiB",
      /idbloader would lie in the partitions, which begin at 16777216/,
    ],
    ["offset: 8MiB", "offset: 100000", "offset: 100000", /u-boot does not begin with a sector of 512 bytes/],
    ["start: 16MiB\n", "start: 16MiB\n  table: gpt\n", "offset: 16384", /lie in the GPT, which takes 17408 bytes/],
    [
      "      package: usr/lib/u-boot/rock-pi-4-rk3399/idbloader.img\n      buildroot: idbloader.img\n",
      "",
      "- name: idbl",
      /say where it comes from/,
    ],
    ["kind: extlinux", "kind: grub", "kind: grub", /raspberry-pi.*extlinux/],
    ["start: 16MiB\n", "start: 16MiB\n  table: dos\n", "table: dos", /mbr.*gpt/],
    ["level: checked\n", "level: sure\n", "level: sure", /booted.*checked.*documents/],
  ];
  for (const [from, to, line, message] of mistakes) {
    // A GPT takes more than an MBR.
    const wrong = (line === "offset: 16384" ? text.replace("offset: 32KiB", line) : text).replace(from, to);
    t.not(wrong, text, `${from} is there`);
    writeFileSync(file, wrong);
    await t.rejects(readEntry(boardSchema, file), {
      code: "ERR_EDGEIMG_CATALOG_INVALID",
      message,
      place: { file, line: wrong.slice(0, wrong.indexOf(line)).split("\n").length },
    });
  }
});
