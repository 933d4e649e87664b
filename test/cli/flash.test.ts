import t from "tap";
import type { FlashOptions, FlashResult } from "../../src/api/types.js";
import { card } from "../flash/simulated.js";
import { runFake } from "./fake-api.js";

const result: FlashResult = {
  image: "/project/out/disk.img",
  device: "/dev/sdb",
  name: "SanDisk Ultra, 32 GB, usb, /dev/sdb",
  checkedBy: ["disk.img.bmap"],
  settings: true,
  ejected: true,
  bytes: 40_000_000,
  writeMs: 2000,
  verifyMs: 1000,
  direct: true,
};

t.test("flags become options", async (t) => {
  let asked: FlashOptions | undefined;
  const words = ["flash", "out/rpi4-ncnn", "--device", "/dev/sdb", "--yes", "--unmount", "--hostname", "reader-7"];
  const settings = [
    "--ssh-key",
    "a.pub",
    "--ssh-key",
    "b.pub",
    "--set",
    "A=1",
    "--set",
    "B=2",
    "--wifi",
    "net",
    "--wifi-open",
  ];
  const ran = await runFake([...words, ...settings], {
    flashImage: async (_, options) => {
      asked = options;
      return result;
    },
  });
  t.equal(ran.code, 0, ran.stderr);
  t.match(asked, {
    image: "out/rpi4-ncnn",
    device: "/dev/sdb",
    yes: true,
    unmount: true,
    settings: {
      hostname: "reader-7",
      sshKeys: ["a.pub", "b.pub"],
      variables: ["A=1", "B=2"],
      wifi: { ssid: "net", key: "open" },
    },
  });
  t.match(ran.stdout, /40\.0 MB written \(2\.0 s, 20\.0 MB\/s\) and verified \(1\.0 s, 40\.0 MB\/s\)/);
  t.match(ran.stdout, /Next: take the card out/);
});

for (const [what, words, env] of [
  ["no answer", ["--wifi", "net"], {}],
  ["an empty variable", ["--wifi", "net"], { EDGEIMG_WIFI_PASSPHRASE: "" }],
  ["a passphrase and --wifi-open", ["--wifi", "net", "--wifi-open"], { EDGEIMG_WIFI_PASSPHRASE: "12345678" }],
  ["--wifi-open alone", ["--wifi-open"], {}],
  ["--wifi-country alone", ["--wifi-country", "DE"], {}],
] as const)
  t.test(`a Wi-Fi network never becomes an open one by mistake: ${what}`, async (t) => {
    const ran = await runFake(["flash", "--device", "x.img", ...words], { flashImage: async () => result }, { env });
    t.equal(ran.code, 1, ran.stdout);
    t.match(ran.stderr, /ERR_EDGEIMG_(FLASH_SETTINGS|USAGE).*--wifi/s);
  });

t.test("a passphrase comes from the environment", async (t) => {
  let asked: FlashOptions | undefined;
  const flashImage = async (_: unknown, options: FlashOptions) => {
    asked = options;
    return result;
  };
  const env = { EDGEIMG_WIFI_PASSPHRASE: "correct horse" };
  t.equal((await runFake(["flash", "--wifi", "net"], { flashImage }, { env })).code, 0);
  t.match(asked?.settings.wifi, { ssid: "net", key: { passphrase: "correct horse" } });
});

t.test("--yes never chooses a drive", async (t) => {
  const ran = await runFake(["flash", "--yes"], {});
  t.equal(ran.code, 1);
  t.match(ran.stderr, /ERR_EDGEIMG_USAGE.*--device/s);
});

t.test("where nobody can be asked nothing is chosen or confirmed", async (t) => {
  await runFake(["flash"], {
    flashImage: async (_, options) => {
      t.equal(await options.choose([card(1e9)]), undefined);
      t.equal(await options.confirm({ name: "x", path: "/dev/sdx", contents: [], image: "y" }), false);
      return result;
    },
  });
});

t.test("--list for people and for programs; names cannot steer the terminal", async (t) => {
  const drives = [card(32e9, { model: "Evil\u001b[2J Card" })];
  const people = await runFake(["flash", "--list"], { listDrives: async () => drives });
  t.match(people.stdout, /^\/dev\/sdx {2}Evil Card {2}usb {2}32\.0 GB {2}serial 0001 {2}sdx1 vfat OLD\n$/);
  const programs = await runFake(["flash", "--list", "--json"], { listDrives: async () => drives });
  t.match(JSON.parse(programs.stdout), {
    type: "result",
    command: "flash list",
    drives: [{ path: "/dev/sdx", size: 32e9 }],
  });
  t.match((await runFake(["flash", "--list"], { listDrives: async () => [] })).stdout, /There is no/);
});
