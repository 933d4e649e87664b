import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { programOf } from "../../src/catalog/runtime.js";
import { renderSidecar } from "../../src/model/sidecar.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const hasCompiler = ["cc", "c++"].every((one) => spawnSync(one, ["--version"]).status === 0);
const folder = t.testdir({ "m.onnx": "ReduceSum", sub: {} });
const sanitizers = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const warnings = ["-Wall", "-Wextra", "-Werror"];
const { runtime } = await loadCatalog(home, undefined);
const common = programOf(runtime, "adapter-common");

/**
 * What adapters have in common, compiled as C, with one of the toy engines in its own language: for this machine, with sanitizers.
 * The path of the driver.
 */
function compile(engine: "toy" | "toy-cpp"): string {
  const own = join(home, "test/fixtures/engines", engine);
  const include = ["recipes/runtime/include", "recipes/runtime/src"].map((path) => `-I${join(home, path)}`);
  const sources = [
    ...common.sources.map((source) => join(home, "recipes/runtime", source)),
    join(home, "test/engines/sidecar_driver.c"),
    ...readdirSync(own).flatMap((name) => (/\.c(pp)?$/.test(name) ? [join(own, name)] : [])),
  ];
  const objects = sources.map((source) => {
    const object = join(folder, `${engine}-${basename(source)}.o`);
    const [compiler, standard] = source.endsWith(".c") ? ["cc", "-std=c11"] : ["c++", "-std=c++17"];
    execFileSync(compiler, [
      ...[standard, "-D_GNU_SOURCE", ...sanitizers, ...warnings, ...include, `-I${own}`],
      ...["-c", source, "-o", object],
    ]);
    return object;
  });
  const driver = join(folder, `driver-${engine}`);
  execFileSync("c++", [...sanitizers, ...objects, "-ldl", "-o", driver]);
  return driver;
}

let driver = "";

function run(...args: readonly string[]): string {
  const { stdout, stderr, signal } = spawnSync(driver, args, { encoding: "utf8" });
  return `${stdout}${stderr}${signal ?? ""}`.trim();
}

function read(sidecar: string | Buffer, ...shapes: readonly string[]): string {
  writeFileSync(join(folder, "model.edge"), sidecar);
  return run(folder, ...shapes);
}

const start = "edge-nn 1\nengine toy\nfile model m.onnx\n";
const ports = "input x f32 dims=1,3\noutput y f32 dims=1,1\n";

t.test("the reader of model.edge", { skip: hasCompiler ? false : "no C compiler on this machine" }, async (t) => {
  driver = compile("toy");

  t.test("reads what renderSidecar writes", async (t) => {
    const text = renderSidecar({
      engine: "toy",
      files: { model: "m.onnx" },
      inputs: [
        {
          name: "a b%#é",
          type: "f32",
          blob: "in0",
          allowed: {
            dims: [
              { min: 1, max: 1, step: 1 },
              { min: 32, max: 64, step: 8 },
              { min: 3, max: 5, step: 1 },
            ],
          },
          quantization: { scale: 0.5, zeroPoint: -3 },
        },
      ],
      outputs: [{ name: "y", type: "f32", dims: [] }],
      options: { "threads-max": 3 },
    });
    t.equal(read(text), "input a b%#é f32 1..1/1,32..64/8,3..5/1 quant 0.5 -3 blob in0\nthreads 3");
  });

  t.test("gives whole shapes an enclosing range", async (t) => {
    const text = `${start}input x f32 shapes=1,3,48,320;1,3,48,480\noutput y f32 dims=1,1,1,1\n`;
    t.match(read(text), /^input x f32 1..1\/1,3..3\/1,48..48\/1,320..480\/160 /);
    t.match(read(text, "1x3x48x400"), /\n3 input x: shape 1x3x48x400 is not among the 2 that were declared$/);
    t.match(read(text, "1x3x48x480"), /\nsum 34560$/);
  });

  t.test("a model of fixed shapes is one folder a shape, opened when its shape comes", async (t) => {
    const several = "edge-nn 1\nengine toy\nfolders 2\ninput x f32 shapes=1,3;1,5\noutput y f32\n";
    const fill = (index: number, sidecar: string) => {
      mkdirSync(join(folder, String(index)), { recursive: true });
      writeFileSync(join(folder, String(index), "m.onnx"), "ReduceSum");
      writeFileSync(join(folder, String(index), "model.edge"), sidecar);
    };
    fill(0, `${start}input x f32 dims=1,3\noutput y f32\n`);
    fill(1, `${start}input x f32 dims=1,5\noutput y f32\n`);
    t.match(read(several, "1x5", "1x4", "1x3", "1x5").split("\n").slice(2), [
      "sum 2.5",
      "3 input x: shape 1x4 is not among the 2 that were declared",
      "sum 1.5",
      "sum 2.5",
    ]);
    for (const [summary, sidecar, message] of [
      [
        "other ports",
        `${start}input z f32 dims=1,5\noutput y f32\n`,
        "2 shape 1 has other inputs or outputs than the model",
      ],
      [
        "another type",
        `${start}input x f32 dims=1,5\noutput y i32\n`,
        "2 shape 1 has other inputs or outputs than the model",
      ],
      ["another shape", `${start}input x f32 dims=1,4\noutput y f32\n`, "3 input x: shape 1x5, dimension 1 must be 4"],
      ["folders within", several, "2 shape 1: "],
      ["nothing", "", "2 shape 1: model.edge:1: the file ends before its engine line"],
    ] as const) {
      fill(1, sidecar);
      const [, , first = "", second] = read(several, "1x5", "1x3").split("\n");
      t.ok(first.startsWith(message), `${summary}: ${first}`);
      t.equal(second, "sum 1.5", `${summary}: the other shape is still answered`);
    }
    t.match(read(several.replace("folders 2", "folders 3")), /^2 model.edge:6: inputs do not have one shape a folder/);
    t.match(read(several.replace("folders 2", "folders 17")), /^2 model.edge:3: folders must be 2..16/);
    t.match(read(several.replace("engine toy\n", "engine toy\nfile model m.onnx\n")), /files are beside the folders/);
    t.match(read("edge-nn 1\nengine toy\nfolders 2\ninput x f32 dims=1..3\noutput y f32\n"), /do not have one shape/);
  });

  t.test("refuses shapes that were not declared, and keeps working", async (t) => {
    const text = `${start}input x f32 dims=1,3,32..64/8\noutput y f32 dims=1,1,1\n`;
    t.match(read(text, "1x3x33", "1x3", "1x3x72", "1x4x32", "1x3x40").split("\n").slice(2), [
      "3 input x: shape 1x3x33, dimension 2 must be 32..64 in steps of 8",
      "3 input x: shape 1x3 has 2 dimensions, declared are 3",
      "3 input x: shape 1x3x72, dimension 2 must be 32..64 in steps of 8",
      "3 input x: shape 1x4x32, dimension 1 must be 3",
      "sum 60",
    ]);
  });

  const refused: readonly (readonly [summary: string, sidecar: string | Buffer, message: string])[] = [
    ["an empty file", "", "2 model.edge:1: the file ends before its engine line"],
    ["another version", "edge-nn 2\n", "2 model.edge:1: the first line must be: edge-nn 1"],
    [
      "another engine",
      "# x\nedge-nn 1\nengine ncnn\n",
      "2 model.edge:3: the model is made for engine ncnn, this image has toy",
    ],
    ["no ports", start, "2 model.edge:4: the file names no input or no output"],
    ["an unknown word", `${start}layer x\n`, "2 model.edge:4: unknown word layer"],
    ["an unknown type", `${start}input x f16 dims=1\n`, "2 model.edge:4: input x: unknown type f16"],
    ["an input without shape", `${start}input x f32\n`, "2 model.edge:4: input x has neither dims nor shapes"],
    ["a size of zero", `${start}input x f32 dims=1,0\n`, "2 model.edge:4: input x: dims=1,0 is malformed"],
    [
      "a size too large",
      `${start}input x f32 dims=2147483648\n`,
      "2 model.edge:4: input x: dims=2147483648 is malformed",
    ],
    [
      "a step that misses the end",
      `${start}input x f32 dims=3..8/2\n`,
      "2 model.edge:4: input x: dims=3..8/2 is malformed",
    ],
    [
      "nine dimensions",
      `${start}input x f32 dims=1,1,1,1,1,1,1,1,1\n`,
      "2 model.edge:4: input x: dims=1,1,1,1,1,1,1,1,1 is malformed",
    ],
    ["shapes of two ranks", `${start}input x f32 shapes=1,2;1\n`, "2 model.edge:4: input x: shapes=1,2;1 is malformed"],
    [
      "a key given twice",
      `${start}input x f32 dims=1 dims=1\n`,
      "2 model.edge:4: input x: dims is unknown or given twice",
    ],
    ["a name given twice", `${start}${ports}input x f32 dims=1\n`, "2 model.edge:6: input x is given twice"],
    [
      "a name that is no UTF-8",
      `${start}input %ff f32 dims=1\n`,
      "2 model.edge:4: input name is not escaped UTF-8 text",
    ],
    ["an escaped zero", `${start}input a%00 f32 dims=1\n`, "2 model.edge:4: input name is not escaped UTF-8 text"],
    [
      "a path",
      "edge-nn 1\nengine toy\nfile model sub/m\n",
      "2 model.edge:3: file name sub/m leaves the folder, is hidden or too long",
    ],
    [
      "an escaped path",
      "edge-nn 1\nengine toy\nfile model ..%2fm\n",
      "2 model.edge:3: file name ../m leaves the folder, is hidden or too long",
    ],
    ["a folder as file", "edge-nn 1\nengine toy\nfile model sub\n", "2 model.edge:3: file sub is not a regular file"],
    ["a link as file", "edge-nn 1\nengine toy\nfile model link\n", "2 model.edge:3: file link is not a regular file"],
    [
      "a missing file",
      "edge-nn 1\nengine toy\nfile model none\n",
      "2 model.edge:3: file none: No such file or directory",
    ],
    ["too many threads", `${start}option threads-max 65\n`, "2 model.edge:4: threads-max must be 1..64"],
    [
      "an engine's own refusal",
      `${start}input x u8 dims=1\noutput y f32\n`,
      "5 toy takes one input of f32 and gives one output",
    ],
  ];
  symlinkSync("m.onnx", join(folder, "link"));
  for (const [summary, sidecar, message] of refused)
    t.test(`refuses ${summary}`, async (t) => {
      t.equal(read(sidecar), message);
    });

  t.test("refuses what is too long, binary or absent", async (t) => {
    t.match(read(`${start}${ports}${"#".repeat(65_536)}`), /^2 .*model\.edge is larger than 65536 bytes$/);
    t.match(read(Buffer.concat([Buffer.from(start), Buffer.of(0)])), /^2 .*model\.edge holds a zero byte$/);
    t.match(run(join(folder, "nowhere")), /^2 .*nowhere\/model\.edge: No such file or directory$/);
  });

  t.test("survives damage", async (t) => {
    const damaged = join(folder, "damaged");
    mkdirSync(damaged);
    writeFileSync(join(damaged, "m.onnx"), "ReduceSum");
    const [, accepted = "0"] = /^accepted (\d+) of 1500$/.exec(run("--mutate", damaged, "7", "1500")) ?? [];
    t.ok(Number(accepted) > 20, `${accepted} damaged files were still valid`);
  });
});

t.test(
  "an adapter in C++ is linked with what is C",
  { skip: hasCompiler ? false : "no C++ compiler here" },
  async (t) => {
    driver = compile("toy-cpp");
    const text = `edge-nn 1\nengine toy-cpp\nfile model m.onnx\ninput x f32 dims=1,3,32..64/8\noutput y f32 dims=1,1,1\n`;
    t.match(read(text, "1x3x33", "1x3x40").split("\n").slice(2), [
      "3 input x: shape 1x3x33, dimension 2 must be 32..64 in steps of 8",
      "sum 60",
    ]);
    t.equal(
      read(text.replace("engine toy-cpp", "engine toy")),
      "2 model.edge:2: the model is made for engine toy, this image has toy-cpp",
    );
    writeFileSync(join(folder, "other.onnx"), "Softmax");
    t.match(
      read(text.replace("m.onnx", "other.onnx")),
      /^5 toy-cpp: no operator of .*other\.onnx is known$/,
      "an exception ends in a status",
    );
  },
);

t.test(
  "what an engine makes of a model is kept, and made anew when it is not what it was",
  { skip: hasCompiler ? false : "no C++ compiler here" },
  async (t) => {
    driver = join(folder, "driver-toy-cpp");
    const sidecar = "edge-nn 1\nengine toy-cpp\nfile model m.onnx\ninput x f32 dims=1,3\noutput y f32 dims=1,1\n";
    const model = t.testdir({ "model.edge": sidecar, "m.onnx": "ReduceSum" });
    const cache = join(model, "made/of/it");
    const open = (shape = "1x3", place = cache) =>
      run("--cache", place, model, shape)
        .split("\n")
        .filter((line) => /^(made|sum|[0-9]+ )/.test(line));
    const kept = () => readdirSync(cache).filter((name) => name.endsWith(".kept"));
    const make = ["made 0%", "made 50%", "made 100%", "sum 1.5"];
    t.same(open(), make);
    const [name = ""] = kept();
    const file = join(cache, name);
    const whole = readFileSync(file);

    await t.test("the second open takes it, and writes nothing", async (t) => {
      t.same(open(), ["sum 1.5"]);
      t.same(readFileSync(file), whole);
      t.same(readdirSync(cache), [name], "no part of a file is left");
    });

    await t.test("it bears its length and its SHA-256", async (t) => {
      const content = whole.subarray(88);
      t.equal(content.toString(), "sum times 1\n", "the engine's own words, not the model's");
      t.equal(whole.subarray(0, 16).toString(), "edge-nn cache 1\n");
      t.equal(whole.subarray(16, 48).toString("hex"), name.slice(0, 64));
      t.equal(Number(whole.readBigUInt64LE(48)), content.length);
      t.equal(whole.subarray(56, 88).toString("hex"), createHash("sha256").update(content).digest("hex"));
      // With the content and its hash changed together, the engine computes with it: the file is what is run.
      const other = Buffer.from(content.toString().replace("1", "3"));
      const digest = createHash("sha256").update(other).digest();
      writeFileSync(file, Buffer.concat([whole.subarray(0, 56), digest, other]));
      t.same(open(), ["sum 4.5"]);
    });

    const damage: readonly (readonly [string, Buffer])[] = [
      ["cut off", whole.subarray(0, whole.length - 1)],
      ["cut off within its head", whole.subarray(0, 60)],
      ["empty", Buffer.alloc(0)],
      ["longer", Buffer.concat([whole, Buffer.from("x")])],
      ["of another program", Buffer.from("SQLite format 3\0".repeat(20))],
      ...[0, 20, 50, 70, 90].map((at): [string, Buffer] => {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        return [`changed at ${at}`, changed];
      }),
    ];
    for (const [what, bytes] of damage)
      await t.test(`a file that is ${what} is made anew`, async (t) => {
        writeFileSync(file, bytes);
        t.same(open(), make);
        t.same(readFileSync(file), whole);
        t.same(open(), ["sum 1.5"]);
      });

    await t.test("a link in its place is not followed", async (t) => {
      execFileSync("rm", [file]);
      writeFileSync(join(model, "elsewhere"), whole);
      symlinkSync(join(model, "elsewhere"), file);
      t.same(open(), make);
      t.same(readFileSync(join(model, "elsewhere")), whole);
      t.same(open(), ["sum 1.5"]);
    });

    await t.test("another model, shape or option has another, and the old one and parts of files go", async (t) => {
      writeFileSync(join(cache, "notes.txt"), "the app's");
      writeFileSync(join(cache, `${"0".repeat(64)}.part`), "a power cut left it");
      for (const [file, text] of [
        ["m.onnx", "ReduceSum of another"],
        ["model.edge", sidecar.replace("dims=1,3", "dims=1,3..5")],
        ["model.edge", `${sidecar}option threads-max 1\n`],
      ] as const) {
        writeFileSync(join(model, file), text);
        const [before] = kept();
        t.same(open(), make);
        t.equal(kept().length, 1, "one at a time");
        t.not(kept()[0], before);
        t.same(readdirSync(cache).sort(), [...kept(), "notes.txt"]);
        t.same(open(), ["sum 1.5"]);
      }
    });

    await t.test("where it cannot be kept the model works, and says why", async (t) => {
      writeFileSync(join(model, "file"), "");
      const lines = open("1x3", join(model, "file/folder"));
      t.match(lines, [
        "made 0%",
        "made 50%",
        /^made not kept: .*file\/folder: Not a directory$/,
        "made 100%",
        "sum 1.5",
      ]);
      if (process.getuid?.() === 0) return t.pass("root may write anywhere");
      const locked = join(model, "locked");
      mkdirSync(locked);
      chmodSync(locked, 0o500);
      t.match(open("1x3", locked)[2], /^made not kept: .*locked: Permission denied$/);
    });

    await t.test("each of several shapes keeps its own", async (t) => {
      const edge = (shape: string) => sidecar.replace("dims=1,3", `dims=${shape}`);
      const several = t.testdir({
        "model.edge": "edge-nn 1\nengine toy-cpp\nfolders 2\ninput x f32 shapes=1,3;1,5\noutput y f32\n",
        0: { "model.edge": edge("1,3"), "m.onnx": "ReduceSum" },
        1: { "model.edge": edge("1,5"), "m.onnx": "ReduceSum" },
      });
      const both = () =>
        run("--cache", join(several, "cache"), several, "1x5", "1x3")
          .split("\n")
          .filter((line) => /^(made|sum)/.test(line));
      const first = ["made 0%", "made 50%", "made 100%"];
      t.same(both(), [...first, ...first, "sum 2.5", "sum 1.5"]);
      t.same(both(), ["sum 2.5", "sum 1.5"]);
    });

    await t.test("the hash is SHA-256, at each length around its blocks", async (t) => {
      const letters = Array.from({ length: 260 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
      const expected = Array.from({ length: 261 }, (_, i) =>
        createHash("sha256").update(letters.slice(0, i)).digest("hex"),
      );
      t.same(run("--sha256", "260").split("\n"), expected);
    });
  },
);
