// Builds the toy plan: build-toy CACHE REGISTRY TOOLS ARCHIVE-SHA256. Prints the digest of its image, or an error's code.

import { execute } from "../../src/execute/execute.js";
import { createFetcher } from "../../src/fetch/fetcher.js";
import { openStore } from "../../src/store/store.js";
import { toyPlan } from "../helpers/toy-plan.js";

const [cache = "", override = "", tools = "", sha256 = ""] = process.argv.slice(2);
const store = await openStore(cache);
const fetcher = createFetcher({
  store,
  registries: async () => ({ deb: [], override }),
  proxies: {},
  offline: false,
  log: (message) => console.error(message),
  retryDelayMs: 10,
});
console.log("begin");
try {
  const results = await execute(toyPlan({ tools, archive: { name: "archive.tar", sha256 } }), ["image"], {
    store,
    fetcher,
    jobs: 2,
    signal: new AbortController().signal,
    emit: (event) => {
      if (event.type === "step-start") console.log(`start ${event.step}`);
      if (event.type === "step-end") console.log(`end ${event.step} ${event.digest}`);
      if (event.type === "step-progress") console.log(`progress ${event.step} ${event.done}`);
    },
    now: () => 0,
  });
  console.log(`image ${results.get("image")?.digest}`);
} catch (error) {
  console.error(error);
  console.log(`error ${error instanceof Error && "code" in error ? error.code : error}`);
  process.exitCode = 1;
}
