import t from "tap";
import { emptyLock, formatLock, type Lock, parseLock } from "../../src/lock/lock-file.js";

const hash = (digit: string) => digit.repeat(64);
const id = (name: string, version = "1.0-1", arch = "arm64") => `pkg:deb/debian/${name}@${version}?arch=${arch}`;
const pin = (name: string, digit: string) => ({ path: `pool/main/${name}.deb`, size: 10, sha256: hash(digit) });

const lock: Lock = {
  format: 1,
  distribution: { name: "debian-13", date: "Sat, 14 Nov 2026 10:00:00 UTC" },
  sets: {
    "tools/image": { arch: "amd64", request: ["genimage", "zstd"], packages: [id("zstd", "1.5", "amd64")] },
    "rootfs/x-arm64": {
      arch: "arm64",
      request: ["libc6"],
      packages: [id("libc6", "2.41-12"), id("libstdc%2B%2B6", "14.2.0-19")],
    },
  },
  packages: {
    [id("zstd", "1.5", "amd64")]: pin("zstd", "c"),
    [id("libstdc%2B%2B6", "14.2.0-19")]: pin("libstdc++6", "b"),
    [id("libc6", "2.41-12")]: pin("libc6", "a"),
  },
  sources: {
    "pkg:npm/%40scope/models@1.0.0": { sha256: hash("d"), size: 5 },
    "pkg:generic/a@1#file": { sha256: hash("e") },
  },
  recipes: { "pkg:pypi/engine@1.0": { sha256: hash("f"), size: 7 } },
};

t.test("a lock is read as it was written, and written as it was read", async (t) => {
  const text = formatLock(lock);
  t.same(parseLock(text, "edgeimg.lock"), lock);
  t.equal(formatLock(parseLock(text, "edgeimg.lock")), text);
  t.same(parseLock(formatLock(emptyLock("debian-13")), "l"), emptyLock("debian-13"));
  const quantized = {
    m: { model: hash("a"), calibration: null, way: "weights 8" },
    "a model": { model: hash("b"), calibration: hash("c"), way: "" },
  };
  t.same(parseLock(formatLock({ ...lock, quantized }), "l"), { ...lock, quantized });
});

t.test("its text: sorted, one package a line, nothing that no set uses", async (t) => {
  const shuffled: Lock = {
    ...lock,
    sets: Object.fromEntries(Object.entries(lock.sets).reverse()),
    packages: { ...Object.fromEntries(Object.entries(lock.packages).reverse()), [id("unused")]: pin("unused", "f") },
    sources: Object.fromEntries(Object.entries(lock.sources).reverse()),
  };
  const text = formatLock(lock);
  t.equal(formatLock(shuffled), text);
  t.equal(
    text,
    `{
  "format": 1,
  "distribution": {"name":"debian-13","date":"Sat, 14 Nov 2026 10:00:00 UTC"},
  "sets": {
    "rootfs/x-arm64": {
      "arch": "arm64",
      "request": ["libc6"],
      "packages": [
        "pkg:deb/debian/libc6@2.41-12?arch=arm64",
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=arm64"
      ]
    },
    "tools/image": {
      "arch": "amd64",
      "request": ["genimage","zstd"],
      "packages": [
        "pkg:deb/debian/zstd@1.5?arch=amd64"
      ]
    }
  },
  "packages": {
    "pkg:deb/debian/libc6@2.41-12?arch=arm64": {"path":"pool/main/libc6.deb","size":10,"sha256":"${hash("a")}"},
    "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=arm64": {"path":"pool/main/libstdc++6.deb","size":10,"sha256":"${hash("b")}"},
    "pkg:deb/debian/zstd@1.5?arch=amd64": {"path":"pool/main/zstd.deb","size":10,"sha256":"${hash("c")}"}
  },
  "sources": {
    "pkg:generic/a@1#file": {"sha256":"${hash("e")}"},
    "pkg:npm/%40scope/models@1.0.0": {"sha256":"${hash("d")}","size":5}
  },
  "recipes": {
    "pkg:pypi/engine@1.0": {"sha256":"${hash("f")}","size":7}
  }
}
`,
  );
});

const invalid = (what: string | RegExp) => ({
  code: "ERR_EDGEIMG_LOCK_INVALID",
  message: typeof what === "string" ? `some/edgeimg.lock ${what}.` : what,
  hint: "Restore it from version control, or delete it and build again.",
  place: { file: "some/edgeimg.lock" },
  exitCode: 1,
});

t.test("what is no lock is refused with what is wrong", async (t) => {
  const edited = (change: (copy: { [key: string]: unknown }) => void) => {
    const copy = JSON.parse(formatLock(lock));
    change(copy);
    return JSON.stringify(copy);
  };
  const table: readonly [string, string | RegExp][] = [
    ["", "is not JSON"],
    ["<<<<<<< HEAD\n", "is not JSON"],
    [formatLock(lock).slice(0, 200), "is not JSON"],
    ["null", /^some\/edgeimg\.lock is not a lock of format 1: /],
    ["[]", /^some\/edgeimg\.lock is not a lock of format 1: /],
    [edited((one) => (one.format = 2)), /not a lock of format 1: format /],
    [edited((one) => (one.extra = 1)), /not a lock of format 1: .*"extra"/],
    [edited((one) => delete one.sources), /not a lock of format 1: sources /],
    [
      formatLock(lock).replace(hash("a"), hash("A")),
      /not a lock of format 1: packages\.pkg:deb\/debian\/libc6@2\.41-12\?arch=arm64\.sha256 /,
    ],
    [formatLock(lock).replace('"size":10', '"size":-1'), /\.size /],
    [formatLock(lock).replace('"size":10', '"size":"10"'), /\.size /],
    [
      formatLock(lock).replace("Sat, 14 Nov 2026 10:00:00 UTC", "whenever"),
      /not a lock of format 1: distribution\.date /,
    ],
    [
      edited((one) => (one.packages = {})),
      'names pkg:deb/debian/libc6@2.41-12?arch=arm64 in set "rootfs/x-arm64" but does not pin it',
    ],
  ];
  for (const [text, what] of table)
    t.throws(() => parseLock(text, "some/edgeimg.lock"), invalid(what), text.slice(0, 60));
});

t.test("what leads out of a mirror, to apt's options or beyond any size is refused", async (t) => {
  const text = formatLock(lock);
  const path = "pool/main/libc6.deb";
  const wrong: readonly (readonly [string, string])[] = [
    ...["../../etc/passwd", "/etc/passwd", "pool/../x.deb", "pool/./x.deb", "pool//x.deb", "", "a\\\\b", "a b"].map(
      (one) => [path, one] as const,
    ),
    ['"size":10', '"size":100000000000000000000'],
    ['"request": ["libc6"]', '"request": ["-oDir::Etc=/tmp"]'],
    ['"request": ["libc6"]', '"request": ["./x.deb"]'],
    ['"request": ["libc6"]', '"request": ["libc6"], "keep": ["{a,(.*)*}"]'],
    ['"rootfs/x-arm64"', '"../x"'],
    ['"pkg:generic/a@1#file"', '"/etc/passwd"'],
  ];
  for (const [from, to] of wrong) {
    t.ok(text.includes(from), from);
    t.throws(() => parseLock(text.replace(from, to), "some/edgeimg.lock"), { code: "ERR_EDGEIMG_LOCK_INVALID" }, to);
  }
  t.throws(() => parseLock(" ".repeat(2 ** 26 + 1), "l"), { message: /is longer than/ });
});

t.test("hostile names of packages are refused before anything uses them", async (t) => {
  for (const name of [
    "constructor",
    "__proto__",
    "pkg:deb/debian/a",
    "pkg:deb/debian/..%2F..%2Fx@1?arch=arm64",
    "pkg:npm/a@1?arch=x",
    "pkg:deb/debian/a@1%2F..?arch=arm64",
    "pkg:deb/debian/a@1?arch=../x",
    "pkg:deb/debian/a@1",
  ]) {
    const one = JSON.parse(formatLock(emptyLock("debian-13")));
    one.sets = { s: { arch: "arm64", request: [], packages: [name] } };
    const packages = `{${JSON.stringify(name)}: ${JSON.stringify(pin("a", "a"))}}`;
    const text = JSON.stringify(one).replace('"packages":{}', `"packages":${packages}`);
    t.throws(() => parseLock(text, "some/edgeimg.lock"), invalid(/^some\/edgeimg\.lock /), name);
  }
});
