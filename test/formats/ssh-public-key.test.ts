import t from "tap";
import { parseSshPublicKey, parseSshPublicKeys } from "../../src/formats/ssh-public-key.js";

/** Made by ssh-keygen for this test; their private halves are gone. */
const made = {
  "ecdsa-256":
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLufzg+IMZXsc0Cn1NXkHk7xkIjeRaV2Jg2E9A1Tivbp0HLgL0r57+rt234uqU+y60EuxJJ0atOqIhfpWPPtdtI=",
  "ecdsa-384":
    "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBOH4DElpy/MyJI/L49P5j0E9CQkddAzLKtSD2zFHHhRXr2c7q0MAn5GTcc84A8Vqd0DdUMgxitMD8JNvGLiA3enHFo/zCjVERqGkeerqdkIofjEgEf+HnqbrDWjEe26FIA==",
  "ecdsa-521":
    "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACndcwZUwJobju7MeVydiVgwBm990elTGDGZhR/YrOtpmtZVCtYOvpT3bn+8GNgypTW+RDg1r0lyWHTGrleBDxs8gGFazjXVXVaL7Ti3XQaD0qaMf/zpSCZ17qi1i+kerUgr+ITzdjQC+IdX1uw6NZXBadPN8m/9OP1ffNTzi1jvE09Mg==",
  "ed25519-256": "AAAAC3NzaC1lZDI1NTE5AAAAIDXeC8PdxHaNNtMpy09U3zT9Lk5bEnMKpTyx4VaAziy0",
  "rsa-1024":
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDNCwuLmKeT1hl+smTpZ88eMbrY+sWokK3fm7Ekp0V/JESXFBc72YIIaIfHkIlbRq7ptAit3g/fY9JG7fJLPq0DtLaOORivBXhVYYcjocqHxZ0USLxd/OjZvvjrpHYYCwnBBoxCqZpa0ZFlFNPJcDSTWMQRDCxEIW+CKVqea22X1w==",
  "rsa-2048":
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCt1fAgsAJF6z1TlZ3yeHJIkdaQgzXvecZ4pM0G6pKqr6gO87DF3RUMPw+DvQ/SxtiadQ2vXfaBGlV3dmPs68cn0PJrLAJDqQzFxro7KONEQv9e9hPJP3Iw6OTcaPbzBJsSQYsHWhNDJoLnpRPL21bleR5tvret3hU7tIBj/ISVemlgAxIqkKwVjPlYINVO4DcD8Kwj7Td13k9GtWcUHg9QcfH6FRGObjH4DJXIDpEAfzAwLnPbNmDnUTw6PtfUljmkxRcDLMbvEy8p7EkqKB4IUtIw0NXmmxketImm7GSorUKfraFN1MPpCQNKxi8/+gi/8CniCJsmA+O4M/v099zP",
} as const;
const ed = made["ed25519-256"];
const rsa = made["rsa-2048"];
const line = `ssh-ed25519 ${ed} me@laptop`;

/** Strings of RFC 4251 in base64. */
function blob(...fields: readonly (string | Uint8Array)[]): string {
  const parts = fields.flatMap((field) => {
    const bytes = Buffer.from(field);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts).toString("base64");
}

const point = (name: keyof typeof made) => Buffer.from(made[name], "base64");

t.test("the keys that ssh-keygen makes", async (t) => {
  for (const [name, type, bits] of [
    ["ed25519-256", "ssh-ed25519", 256],
    ["rsa-1024", "ssh-rsa", 1024],
    ["rsa-2048", "ssh-rsa", 2048],
    ["ecdsa-256", "ecdsa-sha2-nistp256", 256],
    ["ecdsa-384", "ecdsa-sha2-nistp384", 384],
    ["ecdsa-521", "ecdsa-sha2-nistp521", 521],
  ] as const) {
    t.match(parseSshPublicKey(`${type} ${made[name]} me@laptop`), { type, bits }, name);
    t.equal(parseSshPublicKey(`${type} ${made[name]}`).line, `${type} ${made[name]}`, `${name} without a comment`);
  }
  const sk = blob("sk-ssh-ed25519@openssh.com", new Uint8Array(32).fill(7), "ssh:");
  t.match(parseSshPublicKey(`sk-ssh-ed25519@openssh.com ${sk} token`), { bits: 256 });
  const skEcdsa = blob("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", point("ecdsa-256").subarray(-65), "ssh:");
  t.match(parseSshPublicKey(`sk-ecdsa-sha2-nistp256@openssh.com ${skEcdsa}`), { bits: 256 });
});

t.test("what people's files have around a key does no harm", async (t) => {
  const read = (text: string) => parseSshPublicKeys(Buffer.from(text)).map((key) => key.line);
  t.strictSame(read(`${line}\n`), [line]);
  t.strictSame(read(`${line}\r\n`), [line]);
  t.strictSame(read(`\ufeff${line}`), [line]);
  t.strictSame(read(`\n# mine\n  ssh-ed25519\t${ed}   me@laptop  \n\n`), [line]);
  t.strictSame(read(`${line}\nssh-rsa ${rsa} Caf\u00e9 laptop\n`), [line, `ssh-rsa ${rsa} Caf\u00e9 laptop`]);
});

const short = blob("ssh-ed25519", new Uint8Array(31));
const offCurve = Buffer.from(point("ecdsa-256").subarray(-65));
offCurve[40] = (offCurve[40] ?? 0) ^ 1;
const wrap = (text: string) => text.replace(/(.{60})/g, "$1\n");

/** Text of a file, and why it is refused. */
const wrong: readonly (readonly [what: string, text: string | Uint8Array, why: RegExp])[] = [
  ["base64 that is cut off", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE me", /cut off/],
  ["base64 that is cut off at a group of four", `ssh-ed25519 ${ed.slice(0, 44)} me`, /cut off/],
  ["base64 that lost one character", `ssh-rsa ${rsa.slice(0, 100)}${rsa.slice(101)} me`, /cut off/],
  ["one character at the end too few", `ssh-ed25519 ${ed.slice(0, -1)}`, /cut off/],
  ["RSA named ed25519", `ssh-ed25519 ${rsa} me`, /line says ssh-ed25519, the key within says "ssh-rsa"/],
  ["ed25519 named RSA", `ssh-rsa ${ed} me`, /line says ssh-rsa, the key within says "ssh-ed25519"/],
  ["a curve named as another", `ecdsa-sha2-nistp384 ${made["ecdsa-256"]}`, /key within says "ecdsa-sha2-nistp256"/],
  [
    "another curve within",
    `ecdsa-sha2-nistp256 ${blob("ecdsa-sha2-nistp256", "nistp384", new Uint8Array(97))}`,
    /the curve within is "nistp384"/,
  ],
  [
    "a point of another curve",
    `ecdsa-sha2-nistp256 ${blob("ecdsa-sha2-nistp256", "nistp256", point("ecdsa-384").subarray(-97))}`,
    /97 bytes/,
  ],
  [
    "a point that is not on the curve",
    `ecdsa-sha2-nistp256 ${blob("ecdsa-sha2-nistp256", "nistp256", offCurve)}`,
    /no point of the curve/,
  ],
  ["an ed25519 key of 31 bytes", `ssh-ed25519 ${short}`, /31 bytes, ed25519 has 32/],
  [
    "bytes behind the key",
    `ssh-ed25519 ${Buffer.concat([Buffer.from(ed, "base64"), Buffer.from("ab")]).toString("base64")}`,
    /2 bytes behind the key/,
  ],
  ["a part too many", `ssh-ed25519 ${blob("ssh-ed25519", new Uint8Array(32), "x")}`, /2 parts/],
  [
    "RSA of 512 bits",
    `ssh-rsa ${blob("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.concat([Buffer.from([0]), Buffer.alloc(64, 255)]))}`,
    /has 512 bits/,
  ],
  [
    "RSA with an even modulus",
    `ssh-rsa ${blob("ssh-rsa", Buffer.from([1, 0, 1]), Buffer.concat([Buffer.from([0]), Buffer.alloc(256, 254)]))}`,
    /modulus/,
  ],
  ["options", `no-port-forwarding,from="10.0.0.0/8" ${line}`, /options stand before the key/],
  ["an option with blanks", `command="sh -c true" ${line}`, /options stand before the key/],
  [
    "a private key",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    /private key/,
  ],
  ["an old private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----\n", /private key/],
  ["PuTTY's private key", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", /private key/],
  [
    "RFC 4716",
    `---- BEGIN SSH2 PUBLIC KEY ----\nComment: "256-bit"\n${ed}\n---- END SSH2 PUBLIC KEY ----\n`,
    /RFC 4716/,
  ],
  ["PEM", "-----BEGIN PUBLIC KEY-----\nMIGf\n-----END PUBLIC KEY-----\n", /PEM form/],
  ["a wrapped RSA key", `${wrap(`ssh-rsa ${rsa} me@laptop`)}\n`, /wrapped over several lines/],
  ["a wrapped ed25519 key", `ssh-ed25519 ${ed.slice(0, 40)}\n${ed.slice(40)} me\n`, /wrapped over several lines/],
  ["a key wrapped after its type", `ssh-ed25519\n${ed}\n`, /wrapped over several lines/],
  ["UTF-16", Buffer.from(`\ufeff${line}\r\n`, "utf16le"), /UTF-16/],
  ["UTF-16 without a mark", Buffer.from(line, "utf16le"), /UTF-16/],
  ["Latin 1", Buffer.from(`${line} caf\u00e9`, "latin1"), /UTF-8/],
  ["no type", `${ed} me@laptop`, /no type before it/],
  ["a certificate", `ssh-ed25519-cert-v01@openssh.com ${ed}`, /certificate/],
  ["DSA", "ssh-dss AAAAB3NzaC1kc3M=", /DSA/],
  ["a web page", "<!DOCTYPE html><title>Sign in</title>", /begins with "<!DOCTYPE"/],
  ["a fingerprint", "256 SHA256:abcdef me@laptop (ED25519)", /begins with "256"/],
  ["nothing", "", /no key in it/],
  ["comments only", "# none\n", /no key in it/],
  ["base64 of the web's kind", `ssh-rsa ${rsa.replaceAll("+", "-").replaceAll("/", "_")}`, /no base64/],
  ["a good one and a bad one", `${line}\nssh-ed25519 ${short}\n`, /^line 2: /],
];
for (const [what, text, why] of wrong)
  t.test(`${what} is refused with its reason`, async (t) => {
    t.throws(() => parseSshPublicKeys(Buffer.from(text)), { name: "SshKeyError", message: why });
  });
