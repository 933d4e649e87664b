// Uses a store until it is killed: use-store ROOT
import { setTimeout as sleep } from "node:timers/promises";
import { useStore } from "../../src/store/use.js";

const [root = ""] = process.argv.slice(2);
await useStore({ root }, new AbortController().signal, async () => {
  console.log("using");
  await sleep(600_000);
});
