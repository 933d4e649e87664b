import t from "tap";
import { formatSettings } from "../../src/flash/settings.js";
import { noSettings } from "./simulated.js";

const lines = (changes: Partial<Parameters<typeof formatSettings>[0]>) =>
  formatSettings({ ...noSettings, ...changes })
    .split("\n")
    .slice(2, -1);

t.test("a Wi-Fi passphrase is written as it is: WPA3 needs it", async (t) => {
  t.strictSame(lines({ wifi: { ssid: "IEEE", key: { passphrase: "password" }, country: "DE" } }), [
    "wifi-ssid=IEEE",
    "wifi-passphrase=password",
    "wifi-country=DE",
  ]);
  t.strictSame(lines({ wifi: { ssid: "open net", key: "open", country: undefined } }), ["wifi-ssid=open net"]);
});

t.test("a network's key of 64 hexadecimal digits is taken as it is", async (t) => {
  const key = "F42C6FC52DF0EBEF9EBB4B90B38A5F902E83FE1B135A70E23AED762E9710A12E";
  t.strictSame(lines({ wifi: { ssid: "any", key: { passphrase: key }, country: undefined } }), [
    "wifi-ssid=any",
    `wifi-psk=${key.toLowerCase()}`,
  ]);
});

for (const ssid of ["Zuhause", " outer blanks ", "caf\u00e9 \u2615", `quo"te'$HOME#\\`, "n".repeat(32)])
  t.test(`the network ${JSON.stringify(ssid)} is taken`, async (t) => {
    t.strictSame(lines({ wifi: { ssid, key: "open", country: undefined } }), [`wifi-ssid=${ssid}`]);
  });

const wrong: readonly (readonly [string, Partial<Parameters<typeof formatSettings>[0]>])[] = [
  ["a host name with capitals", { hostname: "Reader" }],
  ["a host name with a newline", { hostname: "reader\nset.X=1" }],
  ["a key with options", { sshKeys: ['command="sh" ssh-ed25519 AAAA'] }],
  ["two keys as one", { sshKeys: ["ssh-ed25519 AAAA\nssh-ed25519 BBBB"] }],
  ["a private key", { sshKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----"] }],
  ["a network's name that is too long", { wifi: { ssid: "n".repeat(33), key: "open", country: undefined } }],
  ["a short passphrase", { wifi: { ssid: "net", key: { passphrase: "short" }, country: undefined } }],
  [
    "a passphrase of 64 characters that is no key",
    { wifi: { ssid: "net", key: { passphrase: "x".repeat(64) }, country: undefined } },
  ],
  ["an empty passphrase", { wifi: { ssid: "net", key: { passphrase: "" }, country: undefined } }],
  ["a country in small letters", { wifi: { ssid: "net", key: "open", country: "de" } }],
  ["a variable without a value", { variables: ["NAME"] }],
  ["a variable of a strange name", { variables: ["A-B=1"] }],
  ["a variable of two lines", { variables: ["A=1\nhostname=x"] }],
  ["a variable that loads code", { variables: ["LD_PRELOAD=/tmp/x.so"] }],
  ["the search path", { variables: ["PATH=/tmp"] }],
  ["a variable given twice", { variables: ["A=1", "A=2"] }],
];
for (const [name, changes] of wrong)
  t.test(`${name} is refused`, async (t) => {
    t.throws(() => lines(changes), { code: "ERR_EDGEIMG_FLASH_SETTINGS" });
  });
