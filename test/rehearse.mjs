// Cuts the power of an emulated board at every write of recorded boots, and boots each card that this leaves (docs/testing.md):
//   npm run build && node test/rehearse.mjs [--record first|settings|clock] [--points 6-20] [--every N] [--folder DIR]
// Exit code 0 when no cut left a board without its data, its settings or its app.
import { runBundled } from "./bundled.mjs";

await runBundled("rehearsal");
