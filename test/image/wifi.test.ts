import { fileURLToPath } from "node:url";
import t from "tap";
import { templateRenderer } from "../../src/api/session/render-template.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { projectSchema } from "../../src/config/project-schema.js";
import { describeImage, type ImageDescription } from "../../src/image/describe.js";
import { wifiConfig } from "../../src/image/wifi.js";

const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const catalog = await loadCatalog(home, undefined);
const release = { name: "reader", version: "1", like: "debian", codename: "trixie", epoch: 1_790_000_000 };

const parse = (wifi: object | undefined) =>
  projectSchema.safeParse({ format: 1, name: "reader", app: { entry: "app/main.ts" }, system: { wifi } });

function describe(name: string, wifi: object | undefined): ImageDescription {
  const board = catalog.boards.get(name);
  const { data: project } = parse(wifi);
  if (board === undefined || project === undefined) throw new Error(`no board ${name}, or no project`);
  return describeImage({ project, board, catalog, render: templateRenderer(home), seed: "one", release });
}

const paths = ({ rootfs }: ImageDescription) => rootfs.map(({ path }) => path);
const wifiPaths = ["usr/sbin/wpa_supplicant", "etc/edgeimg/wifi.conf", "usr/lib/edgeimg/wifi"];

t.test("a board whose only network is Wi-Fi has it always, with its firmware", async (t) => {
  const image = describe("rpi-zero2w", undefined);
  for (const path of [
    ...wifiPaths,
    "usr/lib/firmware/regulatory.db",
    "usr/lib/firmware/brcm/brcmfmac43430-sdio.bin",
    "usr/lib/firmware/brcm/brcmfmac43430-sdio.raspberrypi,model-zero-2-w.txt",
  ])
    t.ok(paths(image).includes(path), path);
  t.ok(image.modules.rootfs.includes("brcmfmac"));
  const inittab = image.rootfs.find(({ path }) => path === "etc/inittab");
  t.match(inittab, { source: { text: /^::respawn:\/usr\/lib\/edgeimg\/wifi$/m } });
});

t.test("another board has it when the project says so, and one without a radio never", async (t) => {
  for (const [board, wifi, has] of [
    ["rpi4", undefined, false],
    ["rpi4", {}, true],
    ["qemu-a72", { networks: [{ ssid: "Home", passphrase: "12345678" }] }, false],
  ] as const) {
    const image = describe(board, wifi);
    for (const path of wifiPaths) t.equal(paths(image).includes(path), has, `${board} ${path}`);
    t.equal(image.modules.rootfs.includes("brcmfmac"), has);
  }
});

t.test("only root may read the file with the keys", async (t) => {
  const { rootfs } = describe("rpi4", { networks: [{ ssid: "Home", passphrase: "12345678" }] });
  t.match(
    rootfs.find(({ path }) => path === "etc/edgeimg/wifi.conf"),
    { mode: 0o600 },
  );
});

t.test("the supplicant's configuration", async (t) => {
  const { data } = parse({
    country: "DE",
    networks: [
      { ssid: "Home", passphrase: `quo"te # and \\n` },
      { ssid: "caf\u00e9", passphrase: "x".repeat(63), hidden: true, security: "wpa3" },
      { ssid: "old", psk: "AB".repeat(32) },
      { ssid: "free", security: "open" },
    ],
  });
  t.equal(
    wifiConfig(data?.system.wifi ?? { networks: [] }),
    [
      "country=DE",
      "pmf=1",
      "sae_pwe=2",
      "sae_groups=19",
      "network={",
      "\tssid=486f6d65",
      "\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE",
      `\tpsk="quo"te # and \\n"`,
      "\tpriority=4",
      "}",
      "network={",
      "\tssid=636166c3a9",
      "\tscan_ssid=1",
      "\tkey_mgmt=SAE",
      "\tieee80211w=2",
      `\tpsk="${"x".repeat(63)}"`,
      "\tpriority=3",
      "}",
      "network={",
      "\tssid=6f6c64",
      "\tkey_mgmt=WPA-PSK WPA-PSK-SHA256",
      `\tpsk=${"ab".repeat(32)}`,
      "\tpriority=2",
      "}",
      "network={",
      "\tssid=66726565",
      "\tkey_mgmt=NONE",
      "\tpriority=1",
      "}",
      "",
    ].join("\n"),
  );
});

const wrong: readonly (readonly [string, object])[] = [
  ["a name with a newline", { ssid: 'a"\nkey_mgmt=NONE', security: "open" }],
  ["a name of 33 bytes", { ssid: `${"\u00e9".repeat(16)}x`, security: "open" }],
  ["an empty name", { ssid: "", security: "open" }],
  ["a passphrase with a newline", { ssid: "a", passphrase: '12345678"\n}' }],
  ["a passphrase of 7 characters", { ssid: "a", passphrase: "1234567" }],
  ["a passphrase of 64 characters", { ssid: "a", passphrase: "x".repeat(64) }],
  ["a passphrase beyond ASCII", { ssid: "a", passphrase: "caf\u00e9 caf\u00e9" }],
  ["a key that is no key", { ssid: "a", psk: "g".repeat(64) }],
  ["a key and a passphrase", { ssid: "a", passphrase: "12345678", psk: "a".repeat(64) }],
  ["WPA3 with a key of WPA2", { ssid: "a", psk: "a".repeat(64), security: "wpa3" }],
  ["no key", { ssid: "a" }],
  ["a key for an open network", { ssid: "a", passphrase: "12345678", security: "open" }],
];
for (const [what, network] of wrong)
  t.test(`${what} is refused`, async (t) => {
    t.equal(parse({ networks: [network] }).success, false);
  });
t.test("a country in small letters is refused", async (t) => t.equal(parse({ country: "de" }).success, false));
