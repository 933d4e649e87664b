// Damages model files and loads them with the readers of this program, 10,000 of each format (docs/testing.md):
//   node test/fuzz.mjs [--format onnx|npy] [--count N] [--seed N]
// Exit code 0 when each was loaded or refused with an error that says why.
import { runBundled } from "./bundled.mjs";

await runBundled("fuzz");
