import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";

/** How the board writes the supplicant's configuration, run by this machine's shell, and by busybox's where there is one. */
const script = fileURLToPath(new URL("../../recipes/wifi/rootfs/usr/lib/edgeimg/wifi-config.sh", import.meta.url));
const shells = [["sh"], ["busybox", "sh"]].filter(
  ([name = ""]) => spawnSync(name, ["-c", "true"]).error === undefined || name === "sh",
);
const image = "country=DE\npmf=1\nsae_pwe=2\n";

/** @param card what `settings` keeps of the card's file; undefined: there is none */
function configOf(t: Test, shell: readonly string[], card: string | undefined): string {
  const folder = t.testdir({ image });
  if (card !== undefined) writeFileSync(join(folder, "card"), card);
  const [name = "", ...args] = shell;
  const program = 'set -u; . "$1"; wifi_config "$2" "$3"';
  return execFileSync(name, [...args, "-c", program, "sh", script, join(folder, "image"), join(folder, "card")], {
    encoding: "utf8",
  });
}

const block = (...lines: string[]) => `network={\n${lines.map((line) => `\t${line}\n`).join("")}}\n`;
const hex = (text: string) => Buffer.from(text).toString("hex");

for (const shell of shells) {
  const by = `(${shell.join(" ")})`;
  t.test(`without settings of the card the configuration is the image's ${by}`, async (t) => {
    t.equal(configOf(t, shell, undefined), image);
    t.equal(configOf(t, shell, ""), image);
  });

  t.test(`the card's network goes before the image's, and its country is the last ${by}`, async (t) => {
    t.equal(
      configOf(t, shell, "ssid=Home\npassphrase=correct horse\ncountry=FR\n"),
      `${image}country=FR\n${block(`ssid=${hex("Home")}`, "scan_ssid=1", "priority=1000", "key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE", 'psk="correct horse"')}`,
    );
  });

  t.test(`a key of 64 digits is one of WPA2, and no key makes an open network ${by}`, async (t) => {
    const key = "0123456789abcdef".repeat(4);
    t.match(configOf(t, shell, `ssid=a\npsk=${key}\n`), `\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tpsk=${key}\n}`);
    t.match(configOf(t, shell, "ssid=a\n"), "\tkey_mgmt=NONE\n}");
  });

  // Whatever stands in them, they stay one value each, and the shell runs none of it.
  const hostile = [
    "\"#$(reboot)`reboot`\\n%s'",
    "  blanks  ",
    "}network={",
    "e\u0301 \u2615 \u{1F4F6}",
    "psk=x=y",
    "-n -e",
  ];
  for (const value of hostile)
    t.test(`${JSON.stringify(value)} is a name and a passphrase like others ${by}`, async (t) => {
      const text = configOf(t, shell, `ssid=${value}\npassphrase=${value} and more\n`);
      const [, ...lines] = text.slice(image.length).split("\n");
      t.strictSame(lines, [
        `\tssid=${hex(value)}`,
        "\tscan_ssid=1",
        "\tpriority=1000",
        "\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE",
        `\tpsk="${value} and more"`,
        "}",
        "",
      ]);
    });
}
