import t from "tap";
import { loadProject } from "../../src/config/load.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { placeText } from "../../src/errors/place.js";

const head = "format: 1\nname: reader\napp: { entry: app/main.ts }\n";

function problems(text: string): readonly string[] {
  try {
    loadProject(text, "edgeimg.yaml");
  } catch (error) {
    if (!(error instanceof EdgeimgError) || error.place === undefined) throw error;
    t.equal(error.exitCode, 1);
    return [`${placeText(error.place)}: ${error.message}`, ...error.details];
  }
  return [];
}

/** What is added to a good file, and what is said about it. The first added line is line 4. */
const refused: readonly (readonly [string, string, readonly string[]])[] = [
  ["unknown key", "modles: {}", ['edgeimg.yaml:4:1: unknown key `modles`. Did you mean "models"?']],
  [
    "unknown deep key",
    "image:\n  filesytem: erofs",
    ['edgeimg.yaml:5:3: unknown key `image.filesytem`. Did you mean "filesystem"?'],
  ],
  [
    "wrong choice",
    "image:\n  filesystem: btrfs",
    ['edgeimg.yaml:5:15: `image.filesystem` must be one of squashfs, erofs, ext4, not "btrfs".'],
  ],
  [
    "wrong type",
    "image: { compress: 3 }",
    ["edgeimg.yaml:4:20: `image.compress` must be true or false, not the number 3"],
  ],
  [
    "size",
    "image: { dataSize: 32MegaByte }",
    [
      'edgeimg.yaml:4:20: `image.dataSize` is not allowed: a number of bytes, or a size like 32MiB (found "32MegaByte")',
    ],
  ],
  [
    "size beyond any card",
    "image: { dataSize: 100000000000GiB }",
    ["edgeimg.yaml:4:20: `image.dataSize`: a size from 1 byte to 2048GiB, not 100000000000GiB"],
  ],
  [
    "size with more digits than a number has",
    "image: { dataSize: 100000000000000000000 GiB }",
    [
      'edgeimg.yaml:4:20: `image.dataSize` is not allowed: a number of bytes, or a size like 32MiB (found "100000000000000000000 GiB")',
    ],
  ],
  [
    "size of nothing",
    "budget: { app: 0MB }",
    ["edgeimg.yaml:4:16: `budget.app`: a size from 1 byte to 2048GiB, not 0MB"],
  ],
  [
    "data partition of a byte",
    "image: { dataSize: 1, bootSize: 64GiB }",
    [
      "edgeimg.yaml:4:20: `image.dataSize`: a size from 1MiB to 1024GiB",
      "edgeimg.yaml:4:33: `image.bootSize`: a size from 1MiB to 32GiB",
    ],
  ],
  [
    "board name",
    "board: RPi 4",
    ['edgeimg.yaml:4:8: `board` is not allowed: lower-case letters, digits and inner dashes (found "RPi 4")'],
  ],
  [
    "which operators",
    "engine: { name: ncnn, ops: modle }",
    ['edgeimg.yaml:4:28: `engine.ops` must be one of all, model, not "modle". Did you mean "model"?'],
  ],
  [
    "a key of the engine",
    "engine: { name: ncnn, op: model }",
    ['edgeimg.yaml:4:23: unknown key `engine.op`. Did you mean "ops"?'],
  ],
  [
    "an engine without its name",
    "engine: { ops: model }",
    ["edgeimg.yaml:4:9: `engine.name` is missing: a text is needed"],
  ],
  ["board of another kind", "board: 4", ["edgeimg.yaml:4:8: `board` must be a text or a list, not the number 4"]],
  [
    "time zone",
    "system: { timezone: CET+1 hour }",
    [
      'edgeimg.yaml:4:21: `system.timezone` is not allowed: a name of the time zone database, like Europe/Berlin (found "CET+1 hour")',
    ],
  ],
  [
    "ssh key",
    "system:\n  ssh:\n    authorizedKeys: [hunter2]",
    [
      'edgeimg.yaml:6:22: `system.ssh.authorizedKeys[0]`: no usable public key, as the file id_ed25519.pub holds one: it begins with "hunter2", not with a type such as ssh-ed25519',
    ],
  ],
  [
    "ssh key with a second line",
    'system:\n  ssh:\n    authorizedKeys: ["ssh-ed25519 AAAA x\\nssh-ed25519 BBBB y"]',
    [
      "edgeimg.yaml:6:22: `system.ssh.authorizedKeys[0]`: no usable public key, as the file id_ed25519.pub holds one: it is more than one line",
    ],
  ],
  [
    "network without prefix",
    "system: { network: { address: 10.0.0.2 } }",
    [
      'edgeimg.yaml:4:31: `system.network.address` is not allowed: an IPv4 address with prefix, like 192.168.1.20/24 (found "10.0.0.2")',
    ],
  ],
  [
    "variable with a line break",
    'packages: []\n\nmodels: {}\ntests: {}\nsystem: {}\nimage: {}\nboard: ["a\\nb"]',
    ['edgeimg.yaml:10:9: `board[0]` is not allowed: lower-case letters, digits and inner dashes (found "a\\nb")'],
  ],
  [
    "package name",
    "packages: [--purge]",
    ['edgeimg.yaml:4:12: `packages[0]` is not allowed: a Debian package name (found "--purge")'],
  ],
  [
    "range that ends before it starts",
    "models: { m: { onnx: a.onnx, inputs: { x: { dims: [64..32] } } } }",
    ["edgeimg.yaml:4:52: `models.m.inputs.x.dims[0]`: a range goes from a smaller to a larger size, both at least 1"],
  ],
  [
    "range that steps over its end",
    "models: { m: { onnx: a.onnx, inputs: { x: { dims: [32..100/32] } } } }",
    ["edgeimg.yaml:4:52: `models.m.inputs.x.dims[0]`: steps of 32 from 32 never reach 100; the last is 96"],
  ],
  [
    "a model without a file",
    "models: { m: { inputs: {} } }",
    [
      "edgeimg.yaml:4:14: `models.m`: a file is missing: give `onnx: FILE`, or `format: WORD` and `file: FILE` for a model that is not ONNX",
    ],
  ],
  [
    "a model given twice",
    "models: { m: { onnx: a.onnx, format: tflite, file: a.tflite } }",
    [
      "edgeimg.yaml:4:38: `models.m.format`: a model is given as `onnx`, or as `format` and `file`, not both",
      "edgeimg.yaml:4:52: `models.m.file`: a model is given as `onnx`, or as `format` and `file`, not both",
    ],
  ],
  [
    "a format without its file",
    "models: { m: { format: tflite } }",
    ["edgeimg.yaml:4:24: `models.m.format`: `file` is missing beside it"],
  ],
  [
    "a file without its format",
    "models: { m: { file: a.tflite } }",
    ["edgeimg.yaml:4:22: `models.m.file`: `format` is missing beside it; an ONNX file is given as `onnx: FILE`"],
  ],
  [
    "ONNX as another format",
    "models: { m: { format: onnx, file: a.onnx } }",
    ["edgeimg.yaml:4:24: `models.m.format`: give an ONNX file as `onnx: FILE`, without `format`"],
  ],
  [
    "ports of another format that nobody tells",
    "models: { m: { format: tflite, file: a } }",
    [
      "edgeimg.yaml:4:24: `models.m.format`: only an ONNX file tells what it takes and gives: declare each of its inputs under `inputs`, with `type` and `dims`",
      "edgeimg.yaml:4:24: `models.m.format`: only an ONNX file tells what it takes and gives: declare each of its outputs under `outputs`, with `type`",
    ],
  ],
  [
    "ports of another format that are told in part",
    "models: { m: { format: tflite, file: a, inputs: { x: { dims: [1] }, z: { test: { values: [1] } } }, outputs: { y: {} } } }",
    [
      "edgeimg.yaml:4:54: `models.m.inputs.x`: its `type` is missing, such as f32 or u8",
      "edgeimg.yaml:4:72: `models.m.inputs.z`: its `type` is missing, such as f32 or u8",
      "edgeimg.yaml:4:72: `models.m.inputs.z`: its shape is missing: `dims`, or whole `shapes`",
      "edgeimg.yaml:4:115: `models.m.outputs.y`: its `type` is missing, such as f32",
    ],
  ],
  [
    "ports that the ONNX file tells",
    "models: { m: { onnx: a, inputs: { x: { type: f32, dims: [1] } }, outputs: { y: { dims: [any] } } } }",
    [
      "edgeimg.yaml:4:46: `models.m.inputs.x.type`: the ONNX file tells the type: leave it out",
      "edgeimg.yaml:4:88: `models.m.outputs.y.dims`: the ONNX file tells it: leave it out",
    ],
  ],
  [
    "another format compared with ONNX Runtime",
    "models: { m: { format: tflite, file: a, inputs: { x: { type: f32, dims: [1] } }, outputs: { y: { type: f32 } }, check: { against: onnxruntime } } }",
    [
      "edgeimg.yaml:4:131: `models.m.check.against`: onnxruntime runs ONNX files only: leave it out, and give each output its `golden` file",
    ],
  ],
  [
    "package URL with a broken escape",
    'models: { m: { onnx: { purl: "pkg:npm/%zz@1", path: b } } }',
    ["edgeimg.yaml:4:30: `models.m.onnx.purl`: a package URL with version, like pkg:npm/%40scope/name@1.2.3"],
  ],
  [
    "package URL without version",
    "models: { m: { onnx: { purl: pkg:npm/a, path: b } } }",
    [
      'edgeimg.yaml:4:30: `models.m.onnx.purl` is not allowed: a package URL with version, like pkg:npm/%40scope/name@1.2.3 (found "pkg:npm/a")',
    ],
  ],
  [
    "model name",
    "models: { ../m: { onnx: a } }",
    ["edgeimg.yaml:4:11: the name `models.../m` is not allowed: lower-case letters, digits and inner dashes"],
  ],
  [
    "test that is neither get nor post",
    "tests:\n  http:\n    - status: 200",
    ["edgeimg.yaml:6:7: `tests.http[0]`: give either `get`, or `post` and `to`"],
  ],
  [
    "several at once, in the order of the file",
    "engin: ncnn\nimage: { compress: maybe }\npackages: x",
    [
      'edgeimg.yaml:4:1: unknown key `engin`. Did you mean "engine"?',
      'edgeimg.yaml:5:20: `image.compress` must be true or false, not the text "maybe"',
      'edgeimg.yaml:6:11: `packages` must be a list, not the text "x"',
    ],
  ],
];

for (const [name, text, expected] of refused) {
  t.test(`refuses: ${name}`, async (t) => {
    t.same(problems(`${head}${text}\n`), expected);
  });
}

t.test("refuses paths that leave the project", async (t) => {
  for (const path of ["/etc/passwd", "../x.ts", "a/../../b.ts"]) {
    const told = problems(`format: 1\nname: x\napp: { entry: "${path}" }\n`);
    t.same(told, ["edgeimg.yaml:3:15: `app.entry`: a path inside the project's folder, like app/main.ts"], path);
  }
});

t.test("another format version is refused before anything else is guessed", async (t) => {
  t.same(problems("format: 2\nname: x\napp: { entry: a.ts }\n"), ["edgeimg.yaml:1:9: `format` must be 1, not 2."]);
});

t.test("what is missing is named", async (t) => {
  t.same(problems("format: 1\n"), [
    "edgeimg.yaml:1:1: `name` is missing: a text is needed",
    "edgeimg.yaml:1:1: `app` is missing: a mapping (key: value) is needed",
  ]);
});

t.test("fills in defaults and turns sizes and ranges into numbers", async (t) => {
  const text = `${head}board: rpi4
models:
  det: { onnx: det.onnx, inputs: { x: { dims: [1, 3, 32..640/32, "16..20"] } } }
image: { dataSize: 1GiB }
`;
  const { value } = loadProject(text, "edgeimg.yaml");
  t.same(value.board, ["rpi4"]);
  t.equal(value.image.dataSize, 2 ** 30);
  t.equal(value.image.filesystem, "squashfs");
  t.equal(value.system.network, "dhcp");
  t.equal(value.system.debug, false);
  t.same(value.system.ssh.authorizedKeys, []);
  t.same(value.models.det?.inputs.x, {
    dims: [
      { min: 1, max: 1, step: 1 },
      { min: 3, max: 3, step: 1 },
      { min: 32, max: 640, step: 32 },
      { min: 16, max: 20, step: 1 },
    ],
  });
});
