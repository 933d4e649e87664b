// Builds examples for boards and engines, as `edgeimg init` writes them, boots the very images in QEMU, and keeps what came of them (docs/testing.md):
//   npm run build && node test/examples.mjs [--example X] [--engine E] [--board B] [--write]
//   node test/examples.mjs --table
// Without --example, --engine or --board it takes all that there are; --missing leaves out what is kept of the engine's version. --write keeps
// results; --lock FILE begins with that lock and leaves it as it was completed. --table makes the table in docs/engines.md of the kept ones.
import { runBundled } from "./bundled.mjs";

await runBundled("booted");
