// Takes ONNX's own node tests through an engine, by the steps that a build of a model takes (docs/operators.md, docs/testing.md):
//   npm run build && node test/conformance.mjs --engine NAME [--only PATTERN] [--sample N] [--rest] [--jobs N] [--compare | --write]
//   node test/conformance.mjs --table
// --write keeps what came of them, --rest leaves out those that are kept; with --compare the exit code is 0 when each is as the kept list says.
// --table makes docs/operators.md of the kept lists.
import { runBundled } from "./bundled.mjs";

await runBundled("conformance");
