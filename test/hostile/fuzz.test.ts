import { fileURLToPath } from "node:url";
import t from "tap";
import { readOnnx } from "../../src/formats/onnx.js";
import { lengthField } from "../../src/formats/protobuf.js";
import { fuzz } from "../fuzz/fuzz.js";
import { loaders } from "../fuzz/loaders.js";

/** A part of what `node test/fuzz.mjs` does. */
for (const [format, loader] of Object.entries(loaders(fileURLToPath(new URL("../fixtures/npy", import.meta.url)))))
  t.test(`500 damaged files of ${format} are loaded, or refused with a reason`, { timeout: 300_000 }, async (t) => {
    const { accepted, refused, faults, slowest } = fuzz(loader, 500, 7);
    t.same(
      faults.map(({ number, says }) => `${number}: ${says}`),
      [],
    );
    t.ok(accepted > 0 && refused > 50, `${accepted} accepted, ${refused} refused`);
    t.ok(slowest < 20_000, `the slowest took ${slowest} ms`);
  });

t.test("a model of nothing but empty parts is refused before it fills the memory", { timeout: 300_000 }, async (t) => {
  const graph = (content: Uint8Array) => Buffer.concat(lengthField(7, [content]));
  const repeated = (piece: readonly number[]) => new Uint8Array(Buffer.alloc(2 ** 24, Buffer.from(piece)));
  for (const [what, model] of Object.entries({
    nodes: graph(repeated([0x0a, 0])),
    "sizes of a tensor": graph(Buffer.concat(lengthField(5, lengthField(1, [repeated([1])])))),
  }))
    t.throws(() => readOnnx(model), { message: "it has more nodes and other parts than can be read" }, what);
});
