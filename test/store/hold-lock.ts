// Takes a lock, says so, and holds it until it is killed or told to end: hold-lock FOLDER KEY [MS]
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../src/store/lock.js";

const [folder = "", key = "", ms = "600000"] = process.argv.slice(2);
await withLock({ folder, key, signal: new AbortController().signal }, async () => {
  console.log(`locked ${process.hrtime.bigint()}`);
  await sleep(Number(ms));
  console.log(`unlocking ${process.hrtime.bigint()}`);
});
