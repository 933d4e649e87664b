import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { execute } from "../../src/execute/execute.js";
import { treePath } from "../../src/store/store.js";
import { testPlan, testServices } from "../helpers/services.js";

const source = "layer(Abs)\nlayer(Neg)\n# layer of old: layer(Gone)\nlayer(Relu)\nlayer(Pad)\n";
const choice = {
  line: "^op (?<operator>\\w+)",
  known: { path: "src/list.txt", line: "^layer\\((?<operator>\\w+)\\)" },
  always: ["Pad"],
  needs: { Neg: ["Abs"] },
  without: "WITH_{lower}=OFF",
};

/** What the step leaves for models of these texts. */
async function chosen(
  folder: string,
  models: Readonly<Record<string, string>>,
  change: object = {},
): Promise<{ digest: string; options: string; listing: string }> {
  const cache = join(folder, "cache");
  const place = (name: string) => join(folder, name);
  await mkdir(join(place("source"), "src"), { recursive: true });
  await writeFile(join(place("source"), "src/list.txt"), source);
  for (const [name, text] of Object.entries(models)) {
    await mkdir(place(name), { recursive: true });
    await writeFile(join(place(name), "m.txt"), text);
  }
  const names = Object.keys(models);
  const services = await testServices(cache);
  const results = await execute(
    testPlan([
      ...["source", ...names].map((id) => ({ id, kind: "local", params: { path: place(id) } })),
      {
        id: "operators",
        kind: "operators",
        inputs: Object.fromEntries(["source", ...names].map((name) => [name, name])),
        params: {
          engine: "Toy",
          form: "cmake",
          models: names.map((name) => ({ name, input: name, files: ["m.txt"] })),
          ...choice,
          ...change,
        },
      },
    ]),
    ["operators"],
    services,
  );
  const digest = results.get("operators")?.digest ?? "";
  const read = (name: string) => readFile(join(treePath(services.store, digest), name), "utf8");
  return { digest, options: await read("operators.cmake"), listing: await read("operators.txt") };
}

t.test("all but the operators of the models and their needs are left out: of several models the union", async (t) => {
  const one = await chosen(t.testdir(), { a: "head\nop Relu x\nop Relu y\n" });
  t.equal(one.listing, "Pad\nRelu\n");
  t.same(one.options.match(/WITH_\w+/g), ["WITH_abs", "WITH_neg"]);
  const two = await chosen(t.testdir(), { a: "op Relu\n", b: "op Neg\n" });
  t.equal(two.listing, "Abs\nNeg\nPad\nRelu\n");
  t.equal(two.options, "");
});

t.test("models of the same operators give the same result, so the engine is not compiled anew", async (t) => {
  const one = await chosen(t.testdir(), { a: "op Relu x\n" });
  const other = await chosen(t.testdir(), { b: "op Relu weights=8\nop Relu\n", c: "op Pad\n" });
  t.equal(one.digest, other.digest);
});

t.test("an operator that the engine does not know is left to it", async (t) => {
  t.equal((await chosen(t.testdir(), { a: "op Relu\nop Custom\n" })).listing, "Pad\nRelu\n");
});

t.test("a model in which nothing is found, and a recipe that does not fit the source, are refused", async (t) => {
  await t.rejects(chosen(t.testdir(), { a: "op Relu\n", bad: "\u0000\u0001 nothing\n" }), {
    code: "ERR_EDGEIMG_ENGINE_OPERATORS",
    message: "Model bad: nothing in m.txt is an operator of Toy, as its recipe looks for them.",
    hint: /ops: all/,
  });
  const unfit = { code: "ERR_EDGEIMG_CATALOG_INVALID" };
  await t.rejects(chosen(t.testdir(), { a: "op Relu\n" }, { always: ["Gone"] }), {
    ...unfit,
    message: "The recipe's operators do not fit Toy's source: src/list.txt does not name Gone.",
  });
  await t.rejects(chosen(t.testdir(), { a: "op Relu\n" }, { needs: { Neg: ["Old"] } }), { ...unfit, message: /Old/ });
  const none = { path: "src/list.txt", line: "^LAYER\\((?<operator>\\w+)" };
  await t.rejects(chosen(t.testdir(), { a: "op Relu\n" }, { known: none }), { ...unfit, message: /names none/ });
  const wide = { path: "src/list.txt", line: "^layer(?<operator>\\(.*)" };
  await t.rejects(chosen(t.testdir(), { a: "op Relu\n" }, { known: wide }), { ...unfit, message: /is no name/ });
});
