// Fetches one file into a store: fetch-file CACHE REGISTRY NAME SHA256 SIZE
import { createFetcher } from "../../src/fetch/fetcher.js";
import { openStore } from "../../src/store/store.js";

const [cache = "", override = "", name = "", sha256 = "", size = ""] = process.argv.slice(2);
const fetcher = createFetcher({
  store: await openStore(cache),
  registries: async () => ({ deb: [], override }),
  proxies: {},
  offline: false,
  log: () => {},
});
await fetcher.fetchBlob(
  { purl: "pkg:generic/test@1", name, sha256, size: Number(size) },
  { signal: new AbortController().signal, progress: (bytes) => console.log(bytes) },
);
console.log("done");
