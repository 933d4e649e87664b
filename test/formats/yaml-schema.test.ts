import t from "tap";
import * as z from "zod";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { placeText } from "../../src/errors/place.js";
import { parseYamlWith } from "../../src/formats/yaml-schema.js";

const schema = z.strictObject({
  name: z.string(),
  filesystem: z.enum(["squashfs", "erofs", "ext4"]).default("squashfs"),
  size: z.union([z.int().positive(), z.string().regex(/^\d+MiB$/, "write it like 32MiB")]).optional(),
  source: z.union([z.string(), z.strictObject({ purl: z.string(), path: z.string() })]).optional(),
  build: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("cmake"), options: z.record(z.string(), z.string()).default({}) }),
      z.strictObject({ kind: z.literal("prebuilt"), files: z.array(z.string()).min(1) }),
    ])
    .optional(),
  models: z
    .record(z.string().regex(/^[a-z]+$/, "lower-case letters only"), z.strictObject({ threads: z.int().min(1).max(8) }))
    .optional(),
  flag: z.boolean().optional(),
});

function problems(text: string): readonly string[] {
  try {
    parseYamlWith(schema, text, { file: "a.yaml", code: "ERR_EDGEIMG_CONFIG_INVALID" });
  } catch (error) {
    if (!(error instanceof EdgeimgError) || error.place === undefined) throw error;
    return [`${placeText(error.place)}: ${error.message}`, ...error.details];
  }
  return [];
}

const refused: readonly (readonly [string, string, readonly string[]])[] = [
  ["unknown key", "name: x\nfilesystm: erofs\n", ['a.yaml:2:1: unknown key `filesystm`. Did you mean "filesystem"?']],
  ["unknown key, nothing near", "name: x\nzzz: 1\n", ["a.yaml:2:1: unknown key `zzz`."]],
  [
    "unknown nested key",
    "name: x\nmodels:\n  det: { thread: 1 }\n",
    [
      "a.yaml:3:8: `models.det.threads` is missing: a number is needed",
      'a.yaml:3:10: unknown key `models.det.thread`. Did you mean "threads"?',
    ],
  ],
  ["wrong type", "name: 12\n", ["a.yaml:1:7: `name` must be a text, not the number 12"]],
  ["text for a boolean", 'name: x\nflag: "yes"\n', ['a.yaml:2:7: `flag` must be true or false, not the text "yes"']],
  ["missing key", "flag: true\n", ["a.yaml:1:1: `name` is missing: a text is needed"]],
  ["empty value", "name:\n", ["a.yaml:1:1: `name` must be a text, not empty"]],
  [
    "unknown choice",
    "name: x\nfilesystem: erofa\n",
    ['a.yaml:2:13: `filesystem` must be one of squashfs, erofs, ext4, not "erofa". Did you mean "erofs"?'],
  ],
  ["union, by form", "name: x\nsource: { purl: a }\n", ["a.yaml:2:9: `source.path` is missing: a text is needed"]],
  [
    "union, no branch",
    "name: x\nsource: [1]\n",
    ["a.yaml:2:9: `source` must be a text or a mapping (key: value), not a list"],
  ],
  ["union, format", "name: x\nsize: 32MB\n", ['a.yaml:2:7: `size` is not allowed: write it like 32MiB (found "32MB")']],
  [
    "discriminator",
    "name: x\nbuild: { kind: make }\n",
    ['a.yaml:2:16: `build.kind` is "make", but must be one of cmake, prebuilt. Did you mean "cmake"?'],
  ],
  [
    "key name",
    "name: x\nmodels:\n  DET: { threads: 1 }\n",
    ["a.yaml:3:3: the name `models.DET` is not allowed: lower-case letters only"],
  ],
  ["range", "name: x\nmodels:\n  det: { threads: 9 }\n", ["a.yaml:3:19: `models.det.threads` must be at most 8"]],
  [
    "too few",
    "name: x\nbuild: { kind: prebuilt, files: [] }\n",
    ["a.yaml:2:33: `build.files` must have at least 1 item"],
  ],
  ["no mapping", "- 1\n", ["a.yaml:1:1: the file must be a mapping (key: value), not a list"]],
  ["empty file", "# nothing\n", ["a.yaml:1:1: `name` is missing: a text is needed"]],
  ["syntax", "name: [1\n", ["a.yaml:2:1: deficient indentation"]],
  ["duplicate key", "name: a\nflag: true\nname: b\n", ['a.yaml:3:1: the key "name" stands here a second time']],
  ["tab", "name: a\nmodels:\n\tdet: 1\n", ["a.yaml:3:1: tab characters must not be used in indentation"]],
  ["alias", "name: &n a\nsource: *n\n", ["a.yaml:1:7: anchors and aliases (& and *) are not used here"]],
  ["merge", "name: a\n<<: { flag: true }\n", ["a.yaml:2:1: merge keys (<<) are not used here"]],
  ["tag", "name: !!js/function a\n", ["a.yaml:1:7: unknown scalar tag !<tag:yaml.org,2002:js/function>"]],
  ["two documents", "name: a\n---\nname: b\n", ["a.yaml:3:1: a second document starts here"]],
  ["key that is a list", "? [a]\n: b\n", ["a.yaml:1:3: a key is a plain word, not a list or mapping"]],
  ["prototype", "name: a\n__proto__: { flag: true }\n", ['a.yaml:2:1: "__proto__" cannot be a key']],
];

for (const [name, text, expected] of refused) {
  t.test(`refuses: ${name}`, async (t) => {
    t.same(problems(text), expected);
  });
}

t.test("accepts a good file and knows the place of every key and value", async (t) => {
  const text = 'name: "x"\nbuild:\n  kind: prebuilt\n  files:\n    - a\n    - b\nsource: |\n  text\n';
  const parsed = parseYamlWith(schema, text, { file: "a.yaml", code: "ERR_EDGEIMG_CONFIG_INVALID" });
  t.same(parsed.value, {
    name: "x",
    filesystem: "squashfs",
    build: { kind: "prebuilt", files: ["a", "b"] },
    source: "text\n",
  });
  t.equal(placeText(parsed.place(["name"])), "a.yaml:1:7");
  t.equal(placeText(parsed.keyPlace(["build", "files"])), "a.yaml:4:3");
  t.equal(placeText(parsed.place(["build", "files", 1])), "a.yaml:6:7");
  t.equal(placeText(parsed.place(["source"])), "a.yaml:7:1", "a block of text stands at its key");
  t.equal(placeText(parsed.place(["build", "none", "deeper"])), "a.yaml:3:3", "the nearest parent");
});

t.test("many problems are counted, not listed", async (t) => {
  const keys = Array.from({ length: 30 }, (_, index) => `k${index}: 1`).join("\n");
  const told = problems(`name: x\n${keys}\n`);
  t.equal(told.length, 11);
  t.equal(told.at(-1), "and 20 more");
});

t.test("hostile files end quickly with an error", async (t) => {
  const laughs = ["a: &a [x,x,x,x]", "b: &b [*a,*a,*a]", "c: [*b,*b,*b]"].join("\n");
  t.match(problems(laughs)[0], /anchors and aliases/);
  t.match(problems(`name: ${"[".repeat(5000)}`)[0], /nesting exceeded/);
  t.match(problems(`name: [${"1,".repeat(300_000)}]`)[0], /more than 200000 values/);
  t.match(problems(`name: ${"x".repeat(5 * 2 ** 20)}`)[0], /longer than/);
  t.match(problems(`name: a\u0000b`)[0], /null byte/);
  t.match(problems(`${"a".repeat(100_000)}: 1\nname: x\n`)[0], /1:1: /);
});
