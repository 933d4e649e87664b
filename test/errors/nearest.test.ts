import t from "tap";
import { didYouMean, nearest } from "../../src/errors/nearest.js";

const boards = ["rpi3", "rpi4", "rpi-zero2w", "qemu-a72", "qemu-a53"];

const cases: readonly (readonly [string, readonly string[], string | undefined])[] = [
  ["rpi5", boards, "rpi4"],
  ["rip4", boards, "rpi4"],
  ["RPI3", boards, "rpi3"],
  ["rpi-zero", boards, "rpi-zero2w"],
  ["qemu-a73", boards, "qemu-a72"],
  ["raspberry", boards, undefined],
  ["filesytem", ["filesystem", "format"], "filesystem"],
  ["onnx", ["ncnn", "onnxruntime"], "onnxruntime"],
  ["x".repeat(1000), boards, undefined],
  ["", boards, undefined],
];

for (const [word, names, expected] of cases) {
  t.test(`"${word.slice(0, 20)}"`, async (t) => {
    t.equal(nearest(word, names), expected);
  });
}

t.test("as a sentence", async (t) => {
  t.equal(didYouMean("ncn", ["ncnn"]), ' Did you mean "ncnn"?');
  t.equal(didYouMean("zzzzz", ["ncnn"]), "");
});
