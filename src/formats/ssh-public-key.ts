import { createPublicKey } from "node:crypto";

/** Thrown for text that is no public key as OpenSSH's `.pub` files and `authorized_keys` have it. */
export class SshKeyError extends Error {
  override readonly name = "SshKeyError";
}

export interface SshPublicKey {
  /** `ssh-ed25519`, for example. */
  readonly type: string;
  /** Of RSA's modulus, or of the curve's field. */
  readonly bits: number;
  /** Type, key and comment with single blanks in between. */
  readonly line: string;
}

/** RFC 4253 (6.6), RFC 5656 (3.1), RFC 8709 (4), OpenSSH's PROTOCOL.u2f. */
const curves: Readonly<Record<string, { readonly name: string; readonly jwk: string; readonly bytes: number }>> = {
  "ecdsa-sha2-nistp256": { name: "nistp256", jwk: "P-256", bytes: 32 },
  "ecdsa-sha2-nistp384": { name: "nistp384", jwk: "P-384", bytes: 48 },
  "ecdsa-sha2-nistp521": { name: "nistp521", jwk: "P-521", bytes: 66 },
  "sk-ecdsa-sha2-nistp256@openssh.com": { name: "nistp256", jwk: "P-256", bytes: 32 },
};
const types: readonly string[] = ["ssh-ed25519", "ssh-rsa", ...Object.keys(curves), "sk-ssh-ed25519@openssh.com"];
/** What dropbear, the images' server, takes. Bits. */
const rsaBits = { least: 1024, most: 8192 };
/** A line of RSA with 8192 bits has 1400 characters. */
const longestLine = 16_384;

/** Reads one line: type, base64 and a comment. The key within is decoded and checked. Throws SshKeyError. */
export function parseSshPublicKey(text: string): SshPublicKey {
  const line = text.trim();
  if (line.length > longestLine) throw new SshKeyError(`it is longer than ${longestLine} characters`);
  if (line.includes("\n")) throw new SshKeyError("it is more than one line");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw new SshKeyError("there are control characters in it");
  const [type = "", encoded = "", ...comment] = line.split(/[ \t]/).filter((word) => word !== "");
  if (!types.includes(type)) throw new SshKeyError(whyNoType(line, type));
  if (encoded === "") throw new SshKeyError(`there is nothing after ${type}`);
  const blob = decode(encoded);
  const bits = checkBlob(type, blob);
  return { type, bits, line: [type, encoded, ...comment].join(" ") };
}

function whyNoType(line: string, type: string): string {
  if (/^-----BEGIN (RSA )?PUBLIC KEY/.test(line))
    return "it is in PEM form: `ssh-keygen -i -m PKCS8 -f FILE` (or -m PEM) writes it as one line";
  if (line.startsWith("-----BEGIN CERTIFICATE")) return "it is an X.509 certificate, not an ssh key";
  if (line.startsWith("-----BEGIN ") || line.startsWith("PuTTY-User-Key-File"))
    return "it is a private key: it stays where it is, its .pub file is the public one";
  if (line.startsWith("---- BEGIN SSH2"))
    return "it is in the form of RFC 4716: `ssh-keygen -i -f FILE` writes it as one line";
  if (type.includes("-cert-v01@")) return "it is a certificate: give the key itself";
  if (type === "ssh-dss") return "DSA keys are no longer accepted by any server: make one with `ssh-keygen -t ed25519`";
  if (line === "") return "it is empty";
  if (types.some((known) => line.includes(`${known} AAAA`)))
    return "options stand before the key: give the key without them";
  if (type.startsWith("AAAA")) return `there is no type before it, such as ssh-ed25519`;
  return `it begins with ${JSON.stringify(type.slice(0, 40))}, not with a type such as ssh-ed25519`;
}

/** Strict base64 (RFC 4648, 4): Node's own passes over what it does not know. */
function decode(encoded: string): Buffer {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw new SshKeyError("the key is no base64");
  const bytes = Buffer.from(encoded, "base64");
  if (encoded.length % 4 !== 0) throw new SshKeyError("the key is cut off: its base64 has no whole groups of four");
  if (bytes.toString("base64") !== encoded) throw new SshKeyError("the key is no base64: it does not end as one does");
  return bytes;
}

/** The bits of the key. */
function checkBlob(type: string, blob: Buffer): number {
  const fields = readFields(blob);
  const [name, ...rest] = fields;
  if (name?.toString("latin1") !== type) {
    const inside = name?.toString("latin1").slice(0, 40) ?? "";
    throw new SshKeyError(`the line says ${type}, the key within says ${JSON.stringify(inside)}`);
  }
  const wanted = type === "ssh-ed25519" ? 1 : type.startsWith("sk-ecdsa") ? 3 : 2;
  if (rest.length !== wanted) throw new SshKeyError(`the key has ${rest.length} parts, ${type} has ${wanted}`);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0), third = Buffer.alloc(0)] = rest;
  if (type === "ssh-rsa") return checkRsa(first, second);
  const curve = curves[type];
  if (curve === undefined) {
    if (first.length !== 32) throw new SshKeyError(`the key has ${first.length} bytes, ed25519 has 32`);
    if (type.startsWith("sk-")) checkApplication(second);
    return 256;
  }
  if (first.toString("latin1") !== curve.name)
    throw new SshKeyError(
      `the line says ${curve.name}, the curve within is ${JSON.stringify(first.toString("latin1").slice(0, 40))}`,
    );
  checkPoint(second, curve);
  if (type.startsWith("sk-")) checkApplication(third);
  return curve.jwk === "P-521" ? 521 : curve.bytes * 8;
}

/** Strings of RFC 4251, 5: a length of four bytes, then as many. */
function readFields(blob: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) throw new SshKeyError(`there are ${blob.length - at} bytes behind the key`);
    const length = blob.readUInt32BE(at);
    at += 4;
    if (at + length > blob.length) throw new SshKeyError("the key is cut off: it ends before it says it does");
    fields.push(blob.subarray(at, at + length));
    at += length;
    if (fields.length > 4) throw new SshKeyError("the key has more parts than any has");
  }
  return fields;
}

function checkRsa(exponent: Buffer, modulus: Buffer): number {
  for (const [what, number] of [
    ["exponent", exponent],
    ["modulus", modulus],
  ] as const)
    if (number.length === 0 || (number[0] ?? 0) >= 0x80 || (number.at(-1) ?? 0) % 2 === 0)
      throw new SshKeyError(`RSA's ${what} is none: not positive and odd`);
  const start = modulus.findIndex((byte) => byte !== 0);
  const bits = (modulus.length - start) * 8 - Math.clz32(modulus[start] ?? 0) + 24;
  if (bits < rsaBits.least || bits > rsaBits.most)
    throw new SshKeyError(`the RSA key has ${bits} bits, the server takes ${rsaBits.least} to ${rsaBits.most}`);
  return bits;
}

function checkPoint(point: Buffer, { jwk, bytes }: { readonly jwk: string; readonly bytes: number }): void {
  if (point.length !== 1 + 2 * bytes || point[0] !== 4)
    throw new SshKeyError(
      `the key has ${point.length} bytes, a point of ${jwk} has ${1 + 2 * bytes} and begins with 4`,
    );
  const half = (from: number) => point.subarray(from, from + bytes).toString("base64url");
  try {
    createPublicKey({ key: { kty: "EC", crv: jwk, x: half(1), y: half(1 + bytes) }, format: "jwk" });
  } catch (cause) {
    throw new SshKeyError(`the key is no point of the curve ${jwk}`, { cause });
  }
}

/** A security key is bound to an application, "ssh:" unless chosen otherwise. */
function checkApplication(application: Buffer): void {
  if (application.length === 0) throw new SshKeyError("the security key names no application");
}

/**
 * The keys in a file, one a line; empty lines and comments are passed over. Throws SshKeyError with the line's number.
 */
export function parseSshPublicKeys(bytes: Uint8Array): SshPublicKey[] {
  const text = decodeText(bytes);
  const lines = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const first = lines.find(({ line }) => line !== "")?.line ?? "";
  // What is one thing over many lines is named as that, not by the line that looks odd.
  if (/^(-----BEGIN |---- BEGIN |PuTTY-)/.test(first)) throw new SshKeyError(whyNoType(first, first));
  const keys: SshPublicKey[] = [];
  let before: string | undefined;
  for (const { line, number } of lines) {
    if (line === "" || line.startsWith("#")) continue;
    try {
      keys.push(parseSshPublicKey(line));
    } catch (error) {
      if (!(error instanceof SshKeyError)) throw error;
      throw new SshKeyError(`line ${number}: ${isContinuation(lines, number) ? wrapped : error.message}`, {
        cause: error,
      });
    }
    before = line;
  }
  if (before === undefined) throw new SshKeyError("there is no key in it");
  return keys;
}

const wrapped = "the key is wrapped over several lines: it must be one";

/** Whether the next line goes on with base64 where this one stopped. */
function isContinuation(lines: readonly { readonly line: string }[], number: number): boolean {
  const next = lines[number]?.line ?? "";
  return next !== "" && /^[A-Za-z0-9+/]+={0,2}( |$)/.test(next);
}

function decodeText(bytes: Uint8Array): string {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || bytes.includes(0))
    throw new SshKeyError("it is UTF-16, as some editors and shells of Windows write: save it as UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SshKeyError("it is no text in UTF-8");
  }
}
