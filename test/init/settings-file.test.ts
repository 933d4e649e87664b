import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { formatSettings } from "../../src/flash/settings.js";
import { noSettings } from "../flash/simulated.js";

/** The board's own reader of the settings file, run by this machine's shell, and by busybox's where there is one. */
const script = fileURLToPath(new URL("../../recipes/init/rootfs/usr/lib/edgeimg/settings-file.sh", import.meta.url));
const shells = [["sh"], ["busybox", "sh"]].filter(
  ([name = ""]) => spawnSync(name, ["-c", "true"]).error === undefined || name === "sh",
);

interface Read {
  readonly wrong: string;
  readonly line: number;
  readonly files: Readonly<Record<string, string>>;
}

function read(t: Test, content: string | Buffer, shell: readonly string[]): Read {
  const folder = t.testdir({ stage: {} });
  const file = join(folder, "edgeimg.txt");
  writeFileSync(file, content);
  const program = `set -u; . "$1"; take_settings "$2" "$3"; printf '%s\\n%s' "$number" "$wrong"`;
  const [name = "", ...args] = shell;
  const said = execFileSync(name, [...args, "-c", program, "sh", script, file, join(folder, "stage")], {
    encoding: "utf8",
  });
  const [line = "", ...rest] = said.split("\n");
  const files = readdirSync(join(folder, "stage")).map((one) => [
    one,
    readFileSync(join(folder, "stage", one), "utf8"),
  ]);
  return { line: Number(line), wrong: rest.join("\n"), files: Object.fromEntries(files) };
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@laptop";

const rsaKey =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDNCwuLmKeT1hl+smTpZ88eMbrY+sWokK3fm7Ekp0V/JESXFBc72YIIaIfHkIlbRq7ptAit3g/fY9JG7fJLPq0DtLaOORivBXhVYYcjocqHxZ0USLxd/OjZvvjrpHYYCwnBBoxCqZpa0ZFlFNPJcDSTWMQRDCxEIW+CKVqea22X1w==";

for (const shell of shells) {
  const by = `(${shell.join(" ")})`;
  t.test(`what edgeimg writes is taken over ${by}`, async (t) => {
    const text = formatSettings({
      hostname: "reader-7",
      sshKeys: [key, rsaKey],
      wifi: { ssid: "Café 5 GHz", key: { passphrase: "correct horse" }, country: "DE" },
      variables: ["GREETING=hello = $HOME `x` 'y' \"z\" \\n", "EMPTY="],
    });
    const { wrong, files } = read(t, text, shell);
    t.equal(wrong, "");
    t.equal(files.hostname, "reader-7\n");
    t.equal(files.authorized_keys, `${key}\n${rsaKey}\n`);
    t.match(files.wifi, /^ssid=Café 5 GHz\npassphrase=correct horse\ncountry=DE\n$/);
    t.equal(files.env, "GREETING=hello = $HOME `x` 'y' \"z\" \\n\nEMPTY=\n", "as it is, never read as shell");
  });

  t.test(`what a person writes with an editor of another system is taken over ${by}`, async (t) => {
    const text =
      "\ufeffhostname=reader-8\r\n\r\n# a comment\r\nwifi-ssid=Home\r\nwifi-passphrase=correct horse\r\nset.A=1";
    t.strictSame(read(t, text, shell), {
      wrong: "",
      line: 6,
      files: { hostname: "reader-8\n", wifi: "ssid=Home\npassphrase=correct horse\n", env: "A=1\n" },
    });
    t.strictSame(read(t, "", shell), { wrong: "", line: 0, files: {} });
    t.strictSame(read(t, formatSettings(noSettings), shell).files, {});
  });

  const wrong: readonly (readonly [content: string | Buffer, line: number, reason: RegExp])[] = [
    ["hello\n", 1, /not KEY=VALUE/],
    ["format=2\n", 1, /format/],
    ["# x\nHostname=x\n", 2, /unknown key/],
    ["hostname =x\n", 1, /unknown key/],
    ["hostname=Reader\n", 1, /hostname/],
    ["hostname=-x\n", 1, /hostname/],
    ["hostname=\n", 1, /hostname/],
    ["hostname=a;reboot\n", 1, /hostname/],
    [`hostname=${"a".repeat(64)}\n`, 1, /63/],
    ["hostname=a\nhostname=b\n", 2, /twice/],
    ['ssh-key=command="reboot" ssh-ed25519 AAAA\n', 1, /public key/],
    ["ssh-key=ssh-ed25519\n", 1, /public key/],
    ["ssh-key=ssh-ed25519 A$(reboot)\n", 1, /public key/],
    ["ssh-key=ssh-dss AAAA\n", 1, /public key/],
    ["set.LD_PRELOAD=/data/x.so\n", 1, /system/],
    ["set.PATH=/data\n", 1, /system/],
    ["set.IFS=x\n", 1, /system/],
    ["set.EDGEIMG_BOARD=x\n", 1, /system/],
    ["set.a-b=1\n", 1, /variable/],
    ["set.1a=1\n", 1, /variable/],
    ["set.=1\n", 1, /variable/],
    [`set.${"A".repeat(65)}=1\n`, 1, /64/],
    ["set.A=1\nset.A=2\n", 2, /twice/],
    ["wifi-psk=12\n", 1, /wifi-ssid/],
    [`wifi-ssid=a\nwifi-psk=${"g".repeat(64)}\n`, 2, /hexadecimal/],
    [`wifi-ssid=a\nwifi-psk=${"a".repeat(63)}\n`, 2, /64/],
    ["wifi-ssid=a\nwifi-passphrase=short\n", 2, /8 to 63/],
    [`wifi-ssid=${"é".repeat(17)}\n`, 1, /32 bytes/],
    ["wifi-ssid=a\nwifi-country=de\n", 2, /capital/],
    ["wifi-ssid=a\nwifi-ssid=b\n", 2, /twice/],
    ["hostname=a\tb\n", 0, /control/],
    ["hostname=a\rb\n", 1, /control/],
    [Buffer.from("hostname=a\0b\n"), 0, /control/],
    [Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 2, 3]), 0, /control/],
    [`# ${"x".repeat(33_000)}\n`, 0, /32768/],
  ];
  t.test(`anything ill-formed is refused with its line ${by}`, async (t) => {
    for (const [content, line, reason] of wrong) {
      const found = read(t, content, shell);
      const name = JSON.stringify(content.toString().slice(0, 40));
      t.match(found.wrong, reason, name);
      t.equal(found.line, line, `${name}: line`);
      // It goes into a JSON line on the console as it is.
      t.notMatch(found.wrong, /["\\\n]/, name);
    }
  });
}
